import ArgumentParser
import Evaluation
import Foundation
import StatefulTools
import Training
import Yams

/// How the settings in a command's `run.json` are said by its options.
struct RunSettings {
    /// The command's name.
    let name: String
    let command: any ParsableCommand.Type
    /// Options by the path of the setting, where the setting's own name with dashes is none.
    var options: [String: String] = [:]
    /// Flags whose setting is the opposite.
    var inverted: Set<String> = []
    /// Settings that a run finds out itself.
    var ignored: Set<String> = []
    /// Options for settings that are absent from a `run.json`.
    var absent: [String: String] = [:]
    /// The settings that no option sets alone, for each choice of the options that set them together.
    var presets: [Preset] = []
    /// A setting that stands for several options.
    var split: @Sendable (_ path: String, _ value: String) -> [(String, String)]? = { _, _ in nil }

    struct Preset {
        var options: [String: String] = [:]
        var settings: [String: String]

        /// Whether the preset gives the setting this value.
        func gives(_ path: String, _ value: String) -> Bool {
            guard let own = settings[path] else { return false }
            if let own = Double(own), let value = Double(value) { return own == value }
            return own == value
        }
    }

    typealias Leaf = (path: String, value: Node)

    /// The entries as options. Entries that are options already stay as they are.
    ///
    /// - Throws: `ValidationError` that names the file and the key.
    func resolve(_ leaves: [Leaf], _ table: OptionTable, _ file: String) throws -> [Leaf] {
        var resolved: [Leaf] = []
        var fixed: [(path: String, value: String)] = []
        // Only `run.json` holds settings within settings.
        let isRun = leaves.contains { $0.path.contains(".") }
        for (path, value) in leaves {
            if isRun, let parts = value.scalar.flatMap({ split(path, $0.string) }) {
                resolved += parts.map { ($0.0, Node($0.1)) }
            } else if let option = options[path] {
                resolved.append((option, inverted.contains(path) ? value.inverted : value))
            } else if table[path] != nil || !isRun {
                resolved.append((path, value))
            } else if table[path.withDashes] != nil {
                resolved.append((path.withDashes, value))
            } else if ignored.contains(path) {
                continue
            } else if presets.contains(where: { $0.settings[path] != nil }), let text = value.scalar?.string {
                fixed.append((path, text))
            } else {
                throw ValidationError("\(file): there is no setting \"\(path)\".")
            }
        }
        guard isRun else { return resolved }
        for (option, value) in absent where !resolved.contains(where: { $0.path == option }) {
            resolved.append((option, Node(value)))
        }
        guard let preset = presets.first(where: { preset in fixed.allSatisfy { preset.gives($0.path, $0.value) } })
        else {
            let other = fixed.first { entry in !presets.contains { $0.gives(entry.path, entry.value) } } ?? fixed[0]
            throw ValidationError("\(file): no option gives \"\(other.path)\" the value \(other.value).")
        }
        return resolved + preset.options.map { ($0.key, Node($0.value)) }
    }

    /// The settings of a command; nil where it takes no recipe.
    static func of(_ command: String) -> RunSettings? {
        switch command {
        case "sft": .sft
        case "rl": .rl
        case "eval": .eval
        default: nil
        }
    }
}

extension RunSettings {
    static var sft: RunSettings {
        RunSettings(
            name: "sft", command: SFTCommand.self,
            options: [
                "lora.rank": "rank", "optimizer.learningRate": "learning-rate", "maxTokens": "train-tokens",
            ],
            ignored: ["inputs", "processes", "lora.alpha"],
            presets: [Preset(settings: flat(SFTConfiguration(model: "", data: [])))])
    }

    static var rl: RunSettings {
        RunSettings(
            name: "rl", command: RLCommand.self,
            options: [
                "recipe.groupSize": "group", "recipe.baseline": "baseline", "recipe.deviation": "deviation",
                "recipe.dynamicSampling": "dynamic-sampling", "recipe.choosesByPassRate": "by-pass-rate",
                "recipe.imitation": "imitation", "recipe.rewards.progress": "progress",
                "optimizer.learningRate": "learning-rate", "isConstrained": "unconstrained",
            ],
            inverted: ["isConstrained"], ignored: ["inputs", "processes"],
            presets: RLPreset.allCases.map { preset in
                let configuration = RLConfiguration(model: "", adapter: "", data: [], recipe: preset.recipe)
                return Preset(options: ["preset": preset.rawValue], settings: flat(configuration))
            })
    }

    static var eval: RunSettings {
        let configuration = EvaluationConfiguration(set: "", method: .coe, model: "")
        return RunSettings(
            name: "eval", command: EvalRun.self,
            options: [
                "options.turns": "turns", "options.prompt": "prompt", "options.resamples": "resamples",
                "options.isConstrained": "unconstrained", "options.endsAtFirstPass": "until-exit",
                "answerForm": "form", "budgetRun": "budget", "commands": "budget",
            ],
            inverted: ["options.isConstrained", "options.endsAtFirstPass"], ignored: ["inputs"],
            absent: ["adapter": "none"],
            presets: [Preset(settings: flat(configuration))],
            split: { path, value in
                guard path == "model" else { return nil }
                if value == "oracle" { return [] }
                if value.hasPrefix("openai:") || value.hasPrefix("script:") { return [("policy", value)] }
                // A local policy's name ends with its precision unless that is float32.
                guard value.hasSuffix(")"), let start = value.ranges(of: " (").last else {
                    return [("model", value), ("precision", "float32")]
                }
                return [
                    ("model", String(value[..<start.lowerBound])),
                    ("precision", String(value[start.upperBound...].dropLast())),
                ]
            })
    }

    /// The values of an object by their path, as texts.
    private static func flat(_ value: some Encodable) -> [String: String] {
        var values: [String: String] = [:]
        func add(_ value: JSONValue, _ path: String) {
            if case .object(let members) = value {
                for (name, member) in members { add(member, path.isEmpty ? name : "\(path).\(name)") }
            } else {
                values[path] = value.compactText.trimmingCharacters(in: ["\""])
            }
        }
        let data = (try? JSONEncoder().encode(value)) ?? Data()
        if let json = try? JSONDecoder().decode(JSONValue.self, from: data) { add(json, "") }
        return values
    }
}

extension Node {
    /// The opposite of a truth value; anything else as it is.
    fileprivate var inverted: Node { bool.map { Node($0 ? "false" : "true") } ?? self }
}

extension String {
    /// `maxTokens` as `max-tokens`.
    fileprivate var withDashes: String {
        reduce(into: "") { $0 += $1.isUppercase ? "-" + $1.lowercased() : String($1) }
    }
}
