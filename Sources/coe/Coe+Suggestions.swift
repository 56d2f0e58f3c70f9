import ArgumentParser
import PythonRepair

extension Coe {
    /// The error about a word that stands where a subcommand belongs and is none; nil where all is well or the parser
    /// says it better.
    static func unknownSubcommand(_ arguments: [String]) -> ValidationError? {
        var command: any ParsableCommand.Type = Coe.self
        var path = ["coe"]
        for word in arguments {
            let configuration = command.configuration
            let subcommands = configuration.subcommands
            if subcommands.isEmpty || word.hasPrefix("-") || word == "help" { return nil }
            if let next = subcommands.first(where: { $0.commandName == word }) {
                command = next
                path.append(word)
                continue
            }
            let names = subcommands.map { $0.commandName }
            // Two slips of the finger, less in a short word.
            let near = names.map { ($0, editDistance(word, $0)) }.filter { $0.1 <= min(2, (word.count + 1) / 2) }
            let best = near.min { $0.1 < $1.1 }?.0
            // A default subcommand may take the word as its argument.
            if configuration.defaultSubcommand != nil, best == nil { return nil }
            let place = path.joined(separator: " ")
            return ValidationError(
                "\(place) has no command \"\(word)\"."
                    + (best.map { " Did you mean \"\($0)\"?" } ?? " It has: \(names.joined(separator: ", "))."))
        }
        return nil
    }
}

extension ParsableCommand {
    /// The name by which the command is called.
    fileprivate static var commandName: String {
        configuration.commandName ?? String(describing: Self.self).lowercased()
    }
}
