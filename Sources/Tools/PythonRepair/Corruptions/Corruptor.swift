public import StatefulTools

/// Puts random faults into correct programs.
public struct Corruptor: Sendable {
    /// The programs, by whose index a corruption is asked for.
    public let programs: [String]
    private let paper: PaperCorruptions
    /// The syntax-tree corruptions of each program by their operator.
    private let tree: [[(operator: Corruption.Operator, corruptions: [Corruption])]]

    /// - Parameters:
    ///   - programs: the correct programs; each is also a donor to the others.
    ///   - sites: the syntax-tree corruptions of each, from ``PythonSyntax/corruptions(in:)``; empty when none are asked for.
    public init(programs: [String], sites: [[Corruption]]) {
        self.programs = programs
        paper = PaperCorruptions(programs: programs)
        tree = sites.map { sites in
            let groups = Dictionary(grouping: sites, by: \.operator)
            return Corruption.Operator.allCases.compactMap { kind in groups[kind].map { (kind, $0) } }
        }
    }

    /// The program with `faults` faults, or fewer where it has no room for them; nil when not even one could be made.
    ///
    /// Operators are drawn uniformly, then a place, so that frequent kinds of nodes don't crowd out the rest.
    public func corrupt(
        _ index: Int, family: CorruptionFamily, faults: Int, using generator: inout SeededGenerator
    ) -> CorruptedProgram? {
        let lines = ProgramText(programs[index]).lines
        if lines.isEmpty { return nil }
        var corruptions: [Corruption] = []
        for _ in 0..<faults {
            let usesTree = family == .tree || (family == .mixed && generator.chance(0.5))
            let operators = usesTree ? treeOperators(of: index) : PaperCorruptions.operators
            guard let kind = generator.element(of: operators) else { continue }
            let taken = corruptions.map(\.edit)
            for _ in 0..<12 {
                let drawn =
                    usesTree
                    ? treeCorruption(kind, of: index, taken: taken, using: &generator)
                    : paper.corruption(kind, of: lines, index: index, taken: taken, using: &generator)
                if let drawn {
                    corruptions.append(drawn)
                    break
                }
            }
        }
        return corruptions.isEmpty ? nil : CorruptedProgram(original: programs[index], corruptions: corruptions)
    }

    private func treeOperators(of index: Int) -> [Corruption.Operator] {
        tree.indices.contains(index) ? tree[index].map(\.operator) : []
    }

    private func treeCorruption(
        _ kind: Corruption.Operator, of index: Int, taken: [LineEdit], using generator: inout SeededGenerator
    ) -> Corruption? {
        guard let sites = tree[index].first(where: { $0.operator == kind })?.corruptions,
            let corruption = generator.element(of: sites),
            taken.allSatisfy({ $0.isIndependent(of: corruption.edit) })
        else { return nil }
        return corruption
    }

    /// The syntax-tree corruptions that replace one line by one other.
    public func lineCorruptions(of index: Int, line: Int) -> [Corruption] {
        guard tree.indices.contains(index) else { return [] }
        return tree[index].flatMap(\.corruptions).filter {
            $0.edit.lines == line..<line + 1 && $0.edit.replacement.count == 1
        }
    }
}
