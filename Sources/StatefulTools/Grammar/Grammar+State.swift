extension Grammar {
    /// One way to read what was written: where in the grammar it stands.
    struct Path: Hashable, Sendable {
        enum Progress: Hashable, Sendable {
            /// Bytes of a literal or a class that are written; 0 before each other node.
            case at(Int)
            /// The value of the digits so far.
            case value(Int)
            /// The string so far.
            case text([UInt8])
        }

        var node: GrammarNode
        var progress: Progress

        init(_ node: GrammarNode, _ progress: Progress = .at(0)) {
            self.node = node
            self.progress = progress
        }
    }

    /// What has been written so far, as far as it matters for what may follow.
    ///
    /// Every state can be continued to a completion that is not excluded, so a decoder is never stuck.
    public struct State: Hashable, Sendable {
        let paths: [Path]
        /// What is left to write of each excluded completion that has been followed so far.
        let excluded: [[UInt8]]

        init(paths: [Path], excluded: [[UInt8]]) {
            self.paths = paths
            self.excluded = excluded
        }

        private var isFree: Bool { paths.count == 1 && paths[0].node === GrammarNode.line }
        private var isComplete: Bool { paths.contains { $0.canEnd } }

        /// Whether the completion may end here.
        public var canEnd: Bool { isComplete && !excluded.contains([]) }

        /// Whether the completion is whole here but excluded, which shows only now since its last part is free. Elsewhere
        /// excluded completions are left out from the first byte that leads to them alone.
        public var isExcluded: Bool { paths.contains { $0.node === GrammarNode.line } && excluded.contains([]) }

        /// A state that allows the same bytes: where anything may follow, exclusion decides only where a completion may
        /// end. States with equal continuations share their masks.
        public var continuation: State { isFree ? State(paths: [Path(.line)], excluded: []) : self }

        /// The state after one more byte; nil where the byte may not come.
        public func advanced(by byte: UInt8) -> State? {
            // Inside content almost everything leads back here; worth a short way.
            if isFree, excluded.isEmpty { return byte == 0x0A || byte == 0x0D ? nil : self }
            let followed = excluded.compactMap { $0.first == byte ? Array($0.dropFirst()) : nil }
            var next: [Path] = []
            for path in paths { path.advance(by: byte, into: &next) }
            if next.isEmpty { return nil }
            let state = State(paths: next, excluded: followed).entered()
            return followed.isEmpty || state.hasWayOut ? state : nil
        }

        /// The state with choices and exceptions opened, so that every path waits for a byte.
        func entered() -> State {
            let opens = paths.contains { path in
                switch path.node.kind {
                case .choice, .except, .loop: true
                default: false
                }
            }
            if !opens { return self }
            var open: [Path] = []
            var excluded = excluded
            func enter(_ path: Path) {
                switch path.node.kind {
                case .choice(let nodes): for node in nodes { enter(Path(node)) }
                case .except(let bytes, let node):
                    excluded.append(bytes)
                    enter(Path(node))
                case .loop(let loop): enter(Path(loop.node))
                default: open.append(path)
                }
            }
            for path in paths { enter(path) }
            return State(paths: open, excluded: excluded)
        }

        /// Whether a completion is left that is not excluded.
        var hasWayOut: Bool {
            var count = 0
            for path in paths {
                count += path.completions(upTo: excluded.count + 1)
                if count > excluded.count { return true }
            }
            // As many as are excluded: the excluded ones need not be completions of this grammar at all.
            return count
                > Set(excluded).count { text in
                    var state: State? = State(paths: paths, excluded: [])
                    for byte in text { state = state?.advanced(by: byte) }
                    return state?.isComplete ?? false
                }
        }
    }
}

extension Grammar.Path {
    var canEnd: Bool {
        switch (node.kind, progress) {
        case (.end, _): true
        case (.number(let numbers), .value(let value)): numbers.allows(value) && numbers.node(after: value).canEnd
        case (.bytes(_, let count, let next), .at(let written)): written >= count.lowerBound && next.canEnd
        default: false
        }
    }

    /// Appends the ways to go on with a byte.
    func advance(by byte: UInt8, into paths: inout [Self]) {
        switch (node.kind, progress) {
        case (.literal(let bytes, let next), .at(let written)):
            guard bytes[written] == byte else { return }
            paths.append(written + 1 == bytes.count ? Self(next) : Self(node, .at(written + 1)))
        case (.bytes(let set, let count, let next), .at(let written)):
            if written < count.upperBound, set.contains(byte) {
                // Beyond the lower bound only the upper one matters.
                let isOpen = count.upperBound == Int.max && written >= count.lowerBound
                paths.append(Self(node, .at(isOpen ? written : written + 1)))
            }
            if written >= count.lowerBound { next.advance(by: byte, into: &paths) }
        case (.number(let numbers), _):
            let value = if case .value(let value) = progress { value } else { 0 }
            let isDigit = (0x30...0x39).contains(byte)
            if isDigit, progress != .value(0), value > 0 || byte > 0x30 || numbers.allows(0) {
                let longer = value * 10 + Int(byte - 0x30)
                if longer == 0 || numbers.allowsPrefix(longer) { paths.append(Self(node, .value(longer))) }
            }
            if case .value(let value) = progress, numbers.allows(value) {
                numbers.node(after: value).advance(by: byte, into: &paths)
            }
        case (.substring(let strings), _):
            let text = if case .text(let text) = progress { text } else { [UInt8]() }
            let longer = text + [byte]
            if strings.allows(longer) { paths.append(Self(node, .text(longer))) }
            if byte == strings.terminator[0], let next = strings.node(after: text) { paths.append(Self(next)) }
        default: break
        }
    }

    /// The number of completions from here, or `limit` where there are at least as many.
    func completions(upTo limit: Int) -> Int {
        switch (node.kind, progress) {
        case (.number(let numbers), let progress):
            let value = if case .value(let value) = progress { value } else { 0 }
            var count = 0
            for number in numbers.continuations(of: value) where count < limit {
                count += numbers.node(after: number).completions(upTo: limit - count)
            }
            return count
        case (.bytes(let set, let count, let next), .at(let written)):
            let most = count.upperBound == Int.max ? limit : count.upperBound - written
            return set.count > 1 && most > 16
                ? limit : min(limit, max(1, most * set.count * next.completions(upTo: limit)))
        case (.substring, _): return limit
        default: return node.completions(upTo: limit)
        }
    }
}

extension GrammarNode {
    /// Whether a completion may end before this node.
    fileprivate var canEnd: Bool {
        switch kind {
        case .end: true
        case .choice(let nodes): nodes.contains { $0.canEnd }
        case .bytes(_, let count, let next): count.lowerBound == 0 && next.canEnd
        case .loop(let loop): loop.node.canEnd
        default: false
        }
    }

    /// Appends the ways to go on with a byte behind a part that may end.
    fileprivate func advance(by byte: UInt8, into paths: inout [Grammar.Path]) {
        switch kind {
        case .choice(let nodes): for node in nodes { node.advance(by: byte, into: &paths) }
        case .loop(let loop): loop.node.advance(by: byte, into: &paths)
        case .except: preconditionFailure("an exception must follow a literal or stand at the start")
        default: Grammar.Path(self).advance(by: byte, into: &paths)
        }
    }

    fileprivate func completions(upTo limit: Int) -> Int {
        switch kind {
        case .end: 1
        case .literal(_, let next): next.completions(upTo: limit)
        case .choice(let nodes):
            nodes.reduce(0) { count, node in count >= limit ? count : count + node.completions(upTo: limit - count) }
        case .except(_, let node): node.completions(upTo: limit)
        case .loop: limit
        default: Grammar.Path(self).completions(upTo: limit)
        }
    }
}
