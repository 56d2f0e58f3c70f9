/// Guesses what an answer goes on with, so that several tokens can be tried in one pass.
public protocol DraftSource: Sendable {
    /// The bytes that may follow `text`, the answer so far; empty where there is nothing to guess.
    func continuation(of text: [UInt8]) -> [UInt8]
}
