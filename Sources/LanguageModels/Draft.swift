/// Guesses the bytes that follow `text`, the answer so far, so that the model can try several tokens in one pass; returns
/// none where there is nothing to guess.
///
/// A draft makes an answer faster and changes nothing else. It runs on the generator's thread and must not wait.
public typealias Draft = @Sendable (_ text: [UInt8]) -> [UInt8]
