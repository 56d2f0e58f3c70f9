/// How the program is shown with its line numbers.
public enum NumberingStyle: String, CaseIterable, Hashable, Sendable, Codable {
    /// `L 1 x`, the paper's form.
    case paper
    /// `1>>>x`: no space before the content, which would merge with the indentation in the models' tokenizers, so
    /// that a line has the same tokens here and in a command.
    case compact
}

extension ProgramText {
    /// The program's lines with their numbers, one a line, without a line end after the last.
    public func numbered(_ style: NumberingStyle) -> String {
        lines.enumerated().map { index, line in
            switch style {
            case .paper: "L \(index + 1) \(line)"
            case .compact: "\(index + 1)>>>\(line)"
            }
        }.joined(separator: "\n")
    }
}
