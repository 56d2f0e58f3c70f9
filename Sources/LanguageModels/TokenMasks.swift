import Synchronization
import Tensors
import Tokenization

/// A state of a grammar over bytes: says what may be written next.
public protocol ByteGrammar: Hashable, Sendable {
    /// The state after one more byte; nil where the byte may not come.
    func advanced(by byte: UInt8) -> Self?

    /// Whether the text may end here.
    var canEnd: Bool { get }

    /// Whether the text is whole here but one that must not be written, which is known only now: an answer that ends here
    /// all the same can be drawn anew (``Generator``).
    var isExcluded: Bool { get }

    /// A state that allows the same bytes as this one; equal for as many states as possible, since masks are kept by it.
    var continuation: Self { get }
}

extension ByteGrammar {
    public var isExcluded: Bool { false }

    func advanced(by bytes: [UInt8]) -> Self? {
        var state: Self? = self
        for byte in bytes { state = state?.advanced(by: byte) }
        return state
    }

    /// The same grammar for an answer that is drawn anew if it ends where this one excludes it.
    public var admittingExcluded: any ByteGrammar { Admitting(base: self) }
}

/// A grammar whose answers may also end where it excludes them.
private struct Admitting<Base: ByteGrammar>: ByteGrammar {
    let base: Base

    var canEnd: Bool { base.canEnd || base.isExcluded }
    var isExcluded: Bool { base.isExcluded }
    var continuation: Self { Self(base: base.continuation) }

    func advanced(by byte: UInt8) -> Self? { base.advanced(by: byte).map(Self.init) }
}

/// Which tokens a grammar allows.
///
/// All tokens' bytes stand in one tree; walking it together with the grammar visits only beginnings that are allowed,
/// so a state with few continuations costs little and one with many is computed once and kept.
final class TokenMasks: Sendable {
    private struct Node {
        var byte: UInt8
        var token: Int32 = -1
        var firstChild: Int32 = -1
        var nextSibling: Int32 = -1
    }

    // The state is a ByteGrammar, which can be sent; AnyHashable does not say so.
    private struct Key: Hashable, @unchecked Sendable {
        let state: AnyHashable
        let canEnd: Bool
    }

    private let nodes: [Node]
    private let masks = Mutex<[Key: TokenList]>([:])
    /// Masks of one program's line numbers and strings do not come back when the program changes.
    private static let limit = 512

    init(_ tokenizer: Tokenizer) {
        // In the order of their bytes, so that a token's beginning is always the path inserted last.
        let texts = (0..<tokenizer.count)
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
            // Of several tokens with the same bytes one is enough, but none that only stands in for a byte.
            let held = Int(nodes[path[path.count - 1]].token)
            if held < 0 || tokenizer.vocabulary.kinds[held] == .byte { nodes[path[path.count - 1]].token = Int32(id) }
            last = bytes
        }
        self.nodes = nodes
    }

    /// The tokens allowed in `state`; the `ends` are where it can end, and where nothing else is left.
    func mask(_ state: some ByteGrammar, ends: Set<Int>) -> TokenList {
        let continuation = state.continuation
        let canEnd = state.canEnd
        let key = Key(state: AnyHashable(continuation), canEnd: canEnd)
        if let mask = masks.withLock({ $0[key] }) { return mask }
        var tokens: [Int] = []
        collect(0, continuation, &tokens)
        if canEnd || tokens.isEmpty { tokens += ends.sorted() }
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
