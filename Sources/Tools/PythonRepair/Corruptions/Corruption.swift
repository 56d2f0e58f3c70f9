/// One fault put into a program.
public struct Corruption: Hashable, Sendable {
    public enum Operator: String, CaseIterable, Hashable, Sendable, Codable {
        // The paper's four.
        case deleteLine, addLine, replaceLine, changeWord
        // Those on the syntax tree.
        case swapOperator = "operator"
        case comparison, boundary, constant, variable, call, arguments, index
        case wrongReturn = "return"
        case branch, initialisation, indentation, mutableDefault, earlyExit

        /// Whether the paper has it.
        public var isPaper: Bool {
            switch self {
            case .deleteLine, .addLine, .replaceLine, .changeWord: true
            default: false
            }
        }
    }

    public var `operator`: Operator
    public var edit: LineEdit
    /// The syntax tree's node that was changed, by Python's name; nil for the paper's.
    public var node: String?

    public init(operator: Operator, edit: LineEdit, node: String? = nil) {
        self.operator = `operator`
        self.edit = edit
        self.node = node
    }
}

/// Where faults come from.
public enum CorruptionFamily: String, CaseIterable, Hashable, Sendable, Codable {
    /// The paper's: delete, add or replace a line, change a word.
    case paper
    /// Changes of the syntax tree.
    case tree
    /// Each fault from either, with equal chance.
    case mixed
}

/// A program with faults, and the way back.
public struct CorruptedProgram: Hashable, Sendable {
    public var program: String
    public var corruptions: [Corruption]
    /// From the corrupted lines to the original ones; a slot's group is the index of its corruption.
    public var repair: EditScript

    /// Makes the corruptions in the program; nil unless they change it and its commands lead back to the same bytes.
    ///
    /// They don't where a deleted line had another line end than the line above, or the only line end.
    public init?(original: String, corruptions: [Corruption]) {
        var text = ProgramText(original)
        let script = EditScript(lines: text.lines, edits: corruptions.map(\.edit))
        repair = script.reversed
        self.corruptions = corruptions
        do {
            for command in script.commands { try text.apply(command) }
            program = text.text
            guard text != ProgramText(original) else { return nil }
            // As its reader sees it: with the last CR LF gone, nothing tells that there was one.
            text = ProgramText(program)
            for command in repair.commands { try text.apply(command) }
        } catch {
            return nil
        }
        guard text.text.utf8.elementsEqual(original.utf8) else { return nil }
    }
}
