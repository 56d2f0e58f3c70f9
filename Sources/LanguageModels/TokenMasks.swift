import Synchronization
import Tensors
import Tokenization

/// Which tokens a grammar allows.
///
/// One tree holds the bytes of all tokens; a walk through it together with the grammar visits allowed prefixes only, so a
/// state with few continuations costs little, and one with many is computed once and kept.
final class TokenMasks: Sendable {
    private struct Node {
        var byte: UInt8
        var token: Int32 = -1
        var firstChild: Int32 = -1
        var nextSibling: Int32 = -1
    }

    private struct Key: Hashable, Sendable {
        let state: any ByteGrammar
        let canEnd: Bool

        static func == (left: Key, right: Key) -> Bool {
            left.canEnd == right.canEnd && AnyHashable(left.state) == AnyHashable(right.state)
        }

        func hash(into hasher: inout Hasher) { state.hash(into: &hasher) }
    }

    private let nodes: [Node]
    private let masks = Mutex<[Key: TokenList]>([:])
    /// Masks of one program's line numbers and strings are of no use after the program has changed.
    private static let limit = 512

    /// - Parameter rows: The number of tokens that the model has logits for; the tokenizer may know more.
    init(_ tokenizer: Tokenizer, rows: Int) {
        // In the order of their bytes, so that a token's beginning is always the path inserted last.
        let texts = (0..<min(tokenizer.count, rows))
            .filter { !tokenizer.isControl($0) }
            .map { (id: $0, bytes: tokenizer.bytes(of: $0)) }
            .filter { !$0.bytes.isEmpty }
            .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        var nodes = [Node(byte: 0)]
        var path = [0]
        var last: [UInt8] = []
        for (id, bytes) in texts {
            let common = zip(bytes, last).prefix { $0 == $1 }.count
            path.removeLast(path.count - 1 - common)
            for byte in bytes[common...] {
                let new = Int32(nodes.count)
                let parent = path[path.count - 1]
                nodes.append(Node(byte: byte, nextSibling: nodes[parent].firstChild))
                nodes[parent].firstChild = new
                path.append(Int(new))
            }
            // Of several tokens with the same bytes one is enough, and a token of text goes before one for a byte.
            let held = Int(nodes[path[path.count - 1]].token)
            if held < 0 || tokenizer.vocabulary.kinds[held] == .byte { nodes[path[path.count - 1]].token = Int32(id) }
            last = bytes
        }
        self.nodes = nodes
    }

    /// The tokens allowed in `state`, with the `ends` where the text can end or no other token is left.
    func mask(_ state: some ByteGrammar, ends: Set<Int>) -> TokenList {
        let continuation = state.continuation
        let canEnd = state.canEnd
        let key = Key(state: continuation, canEnd: canEnd)
        if let mask = masks.withLock({ $0[key] }) { return mask }
        var tokens: [Int] = []
        collect(0, continuation, &tokens)
        // An end that is text as well counts once.
        if canEnd || tokens.isEmpty { tokens += ends.subtracting(tokens).sorted() }
        let mask = TokenList(tokens)
        masks.withLock { masks in
            if masks.count >= Self.limit { masks = [:] }
            masks[key] = mask
        }
        return mask
    }

    private func collect<Grammar: ByteGrammar>(_ node: Int, _ state: Grammar, _ tokens: inout [Int]) {
        var child = Int(nodes[node].firstChild)
        while child >= 0 {
            if let next = state.advanced(by: nodes[child].byte) {
                if nodes[child].token >= 0 { tokens.append(Int(nodes[child].token)) }
                collect(child, next, &tokens)
            }
            child = Int(nodes[child].nextSibling)
        }
    }
}
