public import Tokenization

/// A state of a grammar over bytes: it decides which bytes may come next.
public protocol ByteGrammar: Hashable, Sendable {
    /// The state after one more byte; nil where the byte may not come.
    func advanced(by byte: UInt8) -> Self?

    /// Whether the text may end here.
    var canEnd: Bool { get }

    /// Whether the text may not end here although it is complete: ``Generator`` resamples an answer that ends here all the
    /// same.
    var isExcluded: Bool { get }

    /// A state that allows the same bytes as this one, and the key of its mask: equal for as many states as possible.
    var continuation: Self { get }
}

extension ByteGrammar {
    /// False: a grammar without excluded texts needs no more.
    public var isExcluded: Bool { false }

    func advanced(by bytes: [UInt8]) -> Self? {
        var state: Self? = self
        for byte in bytes { state = state?.advanced(by: byte) }
        return state
    }

    /// The same grammar for an answer that is resampled if it ends where this one excludes it.
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

extension ByteGrammar {
    /// The state before each token of an answer; nil for the tokens behind its end.
    public func states(before tokens: [Int], _ tokenizer: Tokenizer) -> [(any ByteGrammar)?] {
        var state: Self? = self
        return tokens.map { token in
            defer { state = state?.advanced(by: tokenizer.bytes(of: token)) }
            return state
        }
    }
}
