import Synchronization

/// One part of a grammar together with what follows it; compared by identity.
final class GrammarNode: Sendable {
    enum Kind: Sendable {
        /// The completion may end.
        case end
        /// These bytes must come.
        case literal([UInt8], GrammarNode)
        /// One of these.
        case choice([GrammarNode])
        case number(Numbers)
        /// So many bytes of a class.
        case bytes(ByteSet, ClosedRange<Int>, GrammarNode)
        case substring(Substring)
        /// The node, but not with exactly these bytes up to the end.
        case except([UInt8], GrammarNode)
        /// A part any number of times.
        case loop(Loop)
    }

    let kind: Kind

    init(_ kind: Kind) { self.kind = kind }

    static let end = GrammarNode(.end)
    /// Anything up to the end of the line. One node for all grammars, so that masks behind it can be shared.
    static let line = GrammarNode(.bytes(.line, 0...Int.max, .end))

    /// Numbers of a range, and what follows each.
    final class Numbers: Sendable {
        let range: ClosedRange<Int>
        private let allowed: (@Sendable (Int) -> Bool)?
        private let then: @Sendable (Int) -> GrammarNode
        private let known = Mutex<[Int: GrammarNode]>([:])

        init(
            range: ClosedRange<Int>, allows: (@Sendable (Int) -> Bool)?, then: @escaping @Sendable (Int) -> GrammarNode
        ) {
            self.range = range
            allowed = allows
            self.then = then
        }

        func allows(_ value: Int) -> Bool { range.contains(value) && allowed?(value) ?? true }

        /// The allowed numbers whose digits begin with those of `value`; with 0, for no digit yet, all.
        func continuations(of value: Int) -> [Int] {
            if value == 0 { return range.filter(allows) }
            var found: [Int] = []
            var (low, high) = (value, value)
            while low <= range.upperBound {
                found += (low...min(high, range.upperBound)).filter(allows)
                if low > range.upperBound / 10 { break }
                (low, high) = (low * 10, high * 10 + 9)
            }
            return found
        }

        func allowsPrefix(_ value: Int) -> Bool {
            var (low, high) = (value, value)
            while low <= range.upperBound {
                if (low...min(high, range.upperBound)).contains(where: allows) { return true }
                if low > range.upperBound / 10 { break }
                (low, high) = (low * 10, high * 10 + 9)
            }
            return false
        }

        /// What follows the number; the same node each time.
        func node(after value: Int) -> GrammarNode {
            if let node = known.withLock({ $0[value] }) { return node }
            let node = then(value)
            return known.withLock { known in
                if let earlier = known[value] { return earlier }
                known[value] = node
                return node
            }
        }
    }

    /// A node that leads back to itself, made when it is first entered.
    final class Loop: Sendable {
        private let make: @Sendable (_ again: GrammarNode) -> GrammarNode
        private let known = Mutex<GrammarNode?>(nil)

        init(_ make: @escaping @Sendable (_ again: GrammarNode) -> GrammarNode) { self.make = make }

        var node: GrammarNode {
            known.withLock { known in
                if let known { return known }
                let node = make(GrammarNode(.loop(self)))
                known = node
                return node
            }
        }
    }

    /// Strings that stand in a text, and what follows each.
    final class Substring: Sendable {
        let text: [UInt8]
        let terminator: [UInt8]
        private let then: @Sendable ([UInt8]) -> GrammarNode
        private let known = Mutex<[[UInt8]: GrammarNode]>([:])

        init(text: [UInt8], terminator: [UInt8], then: @escaping @Sendable ([UInt8]) -> GrammarNode) {
            self.text = text
            self.terminator = terminator
            self.then = then
        }

        /// What follows `found` behind the terminator's first byte; nil where `found` can't end here.
        func node(after found: [UInt8]) -> GrammarNode? {
            guard !found.isEmpty, String(validating: found, as: UTF8.self) != nil else { return nil }
            if let node = known.withLock({ $0[found] }) { return node }
            let rest = Array(terminator.dropFirst())
            let node = rest.isEmpty ? then(found) : GrammarNode(.literal(rest, then(found)))
            return known.withLock { known in
                if let earlier = known[found] { return earlier }
                known[found] = node
                return node
            }
        }

        /// Whether the string so far may go on with `longer`.
        func allows(_ longer: [UInt8]) -> Bool {
            let startsInsideCharacter = longer[0] & 0xC0 == 0x80
            return !startsInsideCharacter && !longer.suffix(terminator.count).elementsEqual(terminator)
                && text.firstRange(of: longer) != nil
        }
    }
}

extension GrammarNode: Hashable {
    static func == (left: GrammarNode, right: GrammarNode) -> Bool { left === right }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
