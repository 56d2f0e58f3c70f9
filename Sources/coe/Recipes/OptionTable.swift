import ArgumentParser
import Foundation

/// The options of a command by their long names, as its help declares them.
struct OptionTable {
    struct Entry {
        var isFlag: Bool
        /// Whether the flag has a form `--no-NAME`.
        var isInvertible: Bool
        var isRepeatable: Bool
    }

    private(set) var entries: [String: Entry] = [:]

    /// The part of the parser's help dump that is needed here.
    private struct Dump: Decodable {
        struct Command: Decodable { var arguments: [Argument]? }
        struct Argument: Decodable {
            var kind: String
            var isRepeating: Bool
            var names: [Name]?
        }
        struct Name: Decodable {
            var kind: String
            var name: String
        }
        var command: Command
    }

    init(_ command: any ParsableCommand.Type) throws {
        let dump = try JSONDecoder().decode(Dump.self, from: Data(command._dumpHelp().utf8))
        let arguments = dump.command.arguments ?? []
        // A flag and its opposite may be one argument or two.
        let all = Set(arguments.flatMap { $0.names ?? [] }.map(\.name))
        for argument in arguments where argument.kind != "positional" {
            let names = (argument.names ?? []).filter { $0.kind == "long" }.map(\.name)
            for name in names where !["help", "version", "recipe"].contains(name) && !name.hasPrefix("no-") {
                entries[name] = Entry(
                    isFlag: argument.kind == "flag", isInvertible: all.contains("no-\(name)"),
                    isRepeatable: argument.isRepeating)
            }
        }
    }

    subscript(name: String) -> Entry? { entries[name] }
}
