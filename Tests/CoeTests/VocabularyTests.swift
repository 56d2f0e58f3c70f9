import ArgumentParser
import Foundation
import Testing

@testable import coe

/// One vocabulary: an option means the same, with the same default, in every command.
@Suite struct VocabularyTests {
    private struct Dump: Decodable { var command: Command }

    private struct Command: Decodable {
        var commandName: String
        var arguments: [Argument]?
        var subcommands: [Command]?
    }

    private struct Argument: Decodable {
        var kind: String
        var names: [Name]?
        var isRepeating: Bool
        var abstract: String?
        var defaultValue: String?
    }

    private struct Name: Decodable {
        var kind: String
        var name: String
    }

    private struct Use {
        var command: String
        var option: String
        var argument: Argument
    }

    private func uses() throws -> [Use] {
        let dump = try JSONDecoder().decode(Dump.self, from: Data(Coe._dumpHelp().utf8))
        var uses: [Use] = []
        func add(_ command: Command, _ path: String) {
            for argument in command.arguments ?? [] where argument.kind != "positional" {
                for name in argument.names ?? [] where name.kind == "long" {
                    uses.append(Use(command: path, option: name.name, argument: argument))
                }
            }
            for inner in command.subcommands ?? [] where inner.commandName != "help" {
                add(inner, path.isEmpty ? inner.commandName : "\(path) \(inner.commandName)")
            }
        }
        add(dump.command, "")
        return uses
    }

    /// Options whose help and default may differ, and why.
    private static let exceptions: [String: Set<String>] = [
        // A new adapter is the start of a supervised run; a model server names its adapters.
        "adapter": ["sft", "serve model"],
        // One attempt would repair little; one episode a task is what pass@1 needs.
        "samples": ["repair", "bench episodes"],
        // What rollouts need.
        "temperature": ["rl"],
        // Demonstrations have a prompt of their own: no player reads them.
        "prompt": ["data synthesize", "data correct"],
        // An evaluation without one takes the bundled set, a server what its tool has.
        "set": ["serve env"],
        // The user's own environment is looked for.
        "python": ["check", "repair"],
        // The tokenizer alone is asked.
        "model": ["data stats"],
    ]

    @Test func `shared options have one help and one default in all commands`() throws {
        let shared: Set = [
            "adapter", "json", "max-tokens", "model", "policy", "precision", "prompt", "python", "recipe", "resamples",
            "resume", "samples", "seed", "set", "temperature", "tokens-per-pass", "turns", "unconstrained",
            "unsafe-no-sandbox", "until-exit", "validate-every", "validation-count",
        ]
        let uses = try uses().filter { shared.contains($0.option) }
        for (option, all) in Dictionary(grouping: uses, by: \.option) {
            let ordinary = all.filter { Self.exceptions[option]?.contains($0.command) != true }
            let first = try #require(ordinary.first, "\(option)")
            for use in ordinary {
                #expect(
                    use.argument.abstract == first.argument.abstract, "--\(option): \(use.command), \(first.command)")
                #expect(
                    use.argument.defaultValue == first.argument.defaultValue,
                    "--\(option): \(use.command), \(first.command)")
            }
        }
        #expect(Set(uses.map(\.option)) == shared)
    }

    @Test func `an option has the same form in all commands`() throws {
        for (option, all) in Dictionary(grouping: try uses(), by: \.option) {
            #expect(Set(all.map(\.argument.kind)).count == 1, "--\(option)")
        }
    }

    @Test func `the commands that play have the options of episodes, and words of old ones are gone`() throws {
        let uses = try uses()
        for command in ["repair", "eval run", "rl", "serve web", "bench episodes"] {
            let options = Set(uses.filter { $0.command == command }.map(\.option))
            #expect(options.isSuperset(of: ["turns", "unconstrained", "model", "adapter"]), "\(command): \(options)")
        }
        let gone: Set = [
            "constrained", "max-turns", "groups", "redraws", "sample", "state", "numbering", "end-at-pass", "threads",
            "layers-per-checkpoint", "beta", "clip-low", "clip-high", "loss", "edit-penalty", "separate-rewards",
            "updates",
        ]
        for use in uses { #expect(!gone.contains(use.option), "\(use.command) --\(use.option)") }
    }

    @Test func `every option has a help text that ends as a sentence`() throws {
        for use in try uses() where !["help", "version"].contains(use.option) {
            let help = use.argument.abstract ?? ""
            #expect(help.hasSuffix("."), "\(use.command) --\(use.option): \(help)")
        }
    }
}
