import ArgumentParser
import Foundation
import Yams

/// A file of options: `--recipe FILE` of `coe sft`, `coe rl` and `coe eval`.
///
/// Its entries become arguments in front of the user's own, so the parser checks them like these. The user's own
/// options replace the file's. A file for several commands holds the options of each below the command's name.
struct Recipe {
    let file: String
    /// The file's arguments by the option that they set.
    private var arguments: [(option: String, arguments: [String])] = []

    /// The command line with the recipe's arguments in it, and the recipe; the arguments unchanged where there is none.
    ///
    /// - Throws: `ValidationError` that names the file and the key.
    static func expand(_ arguments: [String]) throws -> (arguments: [String], recipe: Recipe?) {
        guard let command = arguments.first, let settings = RunSettings.of(command),
            let place = arguments.firstIndex(where: { $0 == "--recipe" || $0.hasPrefix("--recipe=") })
        else { return (arguments, nil) }
        let file: String
        if arguments[place] == "--recipe" {
            // The parser says that a value is missing.
            guard place + 1 < arguments.count else { return (arguments, nil) }
            file = arguments[place + 1]
        } else {
            file = String(arguments[place].dropFirst("--recipe=".count))
        }
        let own = Array(arguments.dropFirst())
        var recipe = try Recipe(file, settings)
        recipe.arguments.removeAll { entry in own.contains { $0.sets(entry.option) } }
        let start = command == "eval" && own.first == "run" ? 2 : 1
        return (arguments[..<start] + recipe.arguments.flatMap(\.arguments) + arguments[start...], recipe)
    }

    private init(_ file: String, _ settings: RunSettings) throws {
        self.file = file
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
            throw ValidationError("The recipe \(file) can't be read.")
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw ValidationError("The recipe \(file) is not YAML: \(error)")
        }
        guard case .mapping(var mapping)? = root else {
            throw ValidationError("The recipe \(file) must hold options, one \"key: value\" a line.")
        }
        // A file for several commands holds a section for each.
        if case .mapping(let section)? = mapping[Node(settings.name)] { mapping = section }
        let options = try OptionTable(settings.command)
        var leaves: [RunSettings.Leaf] = []
        Self.flatten(mapping, "", into: &leaves)
        for leaf in try settings.resolve(leaves, options, file) {
            guard let entry = options[leaf.path] else {
                throw ValidationError("\(file): there is no option \"\(leaf.path)\".")
            }
            arguments.append((leaf.path, try Self.arguments(leaf.path, leaf.value, entry, file)))
        }
    }

    /// The values of a mapping by their path: `optimizer.learningRate`.
    private static func flatten(_ mapping: Node.Mapping, _ prefix: String, into leaves: inout [RunSettings.Leaf]) {
        for (key, value) in mapping {
            let path = prefix + (key.string ?? "")
            if case .mapping(let inner) = value {
                flatten(inner, path + ".", into: &leaves)
            } else if value.null == nil {
                leaves.append((path, value))
            }
        }
    }

    private static func arguments(
        _ name: String, _ value: Node, _ entry: OptionTable.Entry, _ file: String
    ) throws -> [String] {
        func wrong(_ what: String) -> ValidationError { ValidationError("\(file): \"\(name)\" must be \(what).") }
        if entry.isFlag {
            guard let isOn = value.bool else { throw wrong("true or false") }
            if isOn { return ["--\(name)"] }
            return entry.isInvertible ? ["--no-\(name)"] : []
        }
        if case .sequence(let values) = value {
            guard entry.isRepeatable else { throw wrong("one value, not a list") }
            return try values.map { item in
                guard let text = item.scalar?.string else { throw wrong("a list of values") }
                return "--\(name)=\(text)"
            }
        }
        guard let text = value.scalar?.string else { throw wrong("one value") }
        return ["--\(name)=\(text)"]
    }

    /// The error with the file's name before it, where an option of the file caused it.
    func explaining(_ error: any Error, _ message: String) -> any Error {
        // Unknown options are the user's own: the file's are checked before.
        if message.hasPrefix("Unknown option") { return error }
        let names = arguments.map(\.option)
        let isOwn = names.contains { name in
            message.ranges(of: "--\(name)").contains { range in
                let next = message[range.upperBound...].first
                return next.map { !$0.isLetter && $0 != "-" } ?? true
            }
        }
        return isOwn ? ValidationError("\(file): \(message)") : error
    }
}

extension String {
    /// Whether this argument sets the option.
    fileprivate func sets(_ option: String) -> Bool {
        self == "--\(option)" || self == "--no-\(option)" || hasPrefix("--\(option)=")
    }
}
