/// Which completions are commands that a state can take, byte by byte.
///
/// A grammar is put together from literals, choices, numbers, classes of bytes, strings that stand in a text, and JSON
/// values; ``excluding(_:)`` takes whole commands out of it. A decoder that masks its tokens with a grammar writes commands
/// of it only. It works on bytes, since a token may span several parts of a command and may end inside a character.
///
///     let grammar: Grammar = .choice([.sequence([.literal("### GO "), .number(in: 1...12)]), .literal("### EXIT")])
///     grammar.accepts("### GO 7")
///
/// Parts are functions of what follows them: `make(next)` is the node that reads the part and goes on at `next`.
public struct Grammar: Sendable {
    let make: @Sendable (_ next: GrammarNode) -> GrammarNode
    private var excluded: [[UInt8]] = []

    init(_ make: @escaping @Sendable (_ next: GrammarNode) -> GrammarNode) { self.make = make }

    /// The state before the first byte.
    public var start: State {
        let state = State(paths: [Path(make(.end))], excluded: excluded).entered()
        return state.hasWayOut ? state : State(paths: state.paths, excluded: [])
    }

    /// The same grammar without these texts, unless they are all it has.
    public func excluding(_ texts: some Sequence<String>) -> Grammar {
        var grammar = self
        grammar.excluded += texts.map { Array($0.utf8) }
        return grammar
    }

    /// Whether `text` is a whole completion of this grammar.
    public func accepts(_ text: String) -> Bool {
        var state: State? = start
        for byte in text.utf8 { state = state?.advanced(by: byte) }
        return state?.canEnd ?? false
    }
}

extension Grammar {
    /// A completion drawn byte by byte, each byte that may come with equal chance; nil where none of at most `limit` bytes
    /// was found.
    public func sample(using random: inout SeededGenerator, limit: Int = 256) -> String? {
        var state = start
        var bytes: [UInt8] = []
        while bytes.count < limit {
            let next = (UInt8.min...UInt8.max).compactMap { byte in state.advanced(by: byte).map { (byte, $0) } }
            // An end is one more choice.
            let choice = random.below(next.count + (state.canEnd ? 1 : 0))
            if choice == next.count { return String(validating: bytes, as: UTF8.self) }
            (bytes, state) = (bytes + [next[choice].0], next[choice].1)
        }
        return nil
    }
}

// MARK: - Parts

extension Grammar {
    /// Exactly this text.
    public static func literal(_ text: String) -> Grammar {
        let bytes = Array(text.utf8)
        return Grammar { next in bytes.isEmpty ? next : GrammarNode(.literal(bytes, next)) }
    }

    /// One of these.
    public static func choice(_ alternatives: [Grammar]) -> Grammar {
        Grammar { next in GrammarNode(.choice(alternatives.map { $0.make(next) })) }
    }

    /// One of these texts.
    public static func oneOf(_ texts: [String]) -> Grammar { .choice(texts.map(Grammar.literal)) }

    /// These, one after the other.
    public static func sequence(_ parts: [Grammar]) -> Grammar {
        Grammar { next in parts.reversed().reduce(next) { $1.make($0) } }
    }

    /// A decimal number in a range, without leading zeros.
    ///
    /// - Parameters:
    ///   - range: of numbers that are not negative.
    ///   - allows: which numbers of the range may stand here; all when nil.
    ///   - then: what follows the number.
    public static func number(
        in range: ClosedRange<Int>, where allows: (@Sendable (Int) -> Bool)? = nil,
        then: (@Sendable (Int) -> Grammar)? = nil
    ) -> Grammar {
        precondition(range.lowerBound >= 0, "signs are written as literals")
        return Grammar { next in
            GrammarNode(
                .number(
                    GrammarNode.Numbers(range: range, allows: allows) { value in
                        then.map { $0(value).make(next) } ?? next
                    }))
        }
    }

    /// Between `count.lowerBound` and `count.upperBound` bytes of a class.
    public static func bytes(_ set: ByteSet, count: ClosedRange<Int>) -> Grammar {
        Grammar { next in
            next === GrammarNode.end && set == .line && count == 0...Int.max
                ? .line : GrammarNode(.bytes(set, count, next))
        }
    }

    /// Anything up to the end of the line; the last part of a grammar.
    public static let line = Grammar.bytes(.line, count: 0...Int.max)

    /// A string of at least one character that stands in `text` and holds no `terminator`, then the terminator.
    ///
    /// - Parameters:
    ///   - text: what the string is taken from.
    ///   - terminator: ends the string.
    ///   - then: what follows the terminator.
    public static func substring(
        of text: String, terminator: String, then: @escaping @Sendable (String) -> Grammar
    ) -> Grammar {
        let (text, terminator) = (Array(text.utf8), Array(terminator.utf8))
        return Grammar { next in
            GrammarNode(
                .substring(
                    GrammarNode.Substring(text: text, terminator: terminator) { found in
                        then(String(decoding: found, as: UTF8.self)).make(next)
                    }))
        }
    }

    /// The grammar without this text. What follows the grammar must be its end.
    public func except(_ text: String) -> Grammar {
        let bytes = Array(text.utf8)
        return Grammar { next in GrammarNode(.except(bytes, make(next))) }
    }
}

/// A set of bytes.
public struct ByteSet: Hashable, Sendable {
    /// Bit `b % 64` of word `b / 64` is set where byte `b` belongs to the set.
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    public init(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { insert(byte) }
    }

    /// All bytes but LF and CR.
    public static let line = ByteSet((UInt8.min...UInt8.max).filter { $0 != 0x0A && $0 != 0x0D })
    public static let digits = ByteSet(0x30...0x39)

    private mutating func insert(_ byte: UInt8) {
        let bit = UInt64(1) << UInt64(byte & 63)
        switch byte >> 6 {
        case 0: words.0 |= bit
        case 1: words.1 |= bit
        case 2: words.2 |= bit
        default: words.3 |= bit
        }
    }

    public func contains(_ byte: UInt8) -> Bool {
        let word =
            switch byte >> 6 {
            case 0: words.0
            case 1: words.1
            case 2: words.2
            default: words.3
            }
        return word & (1 << UInt64(byte & 63)) != 0
    }

    /// How many bytes it holds.
    var count: Int {
        words.0.nonzeroBitCount + words.1.nonzeroBitCount + words.2.nonzeroBitCount + words.3.nonzeroBitCount
    }

    public static func == (left: ByteSet, right: ByteSet) -> Bool { left.words == right.words }
    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}
