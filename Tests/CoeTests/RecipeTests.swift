import ArgumentParser
import CommandSupport
import Evaluation
import Foundation
import LanguageModels
import Runs
import StatefulTools
import Testing
import Tools
import Training

@testable import coe

/// Files of options, and run folders that are run again.
@Suite struct RecipeTests {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "coe-recipe-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func file(_ text: String, _ name: String = "recipe.yaml") throws -> String {
        let file = folder.appending(path: name)
        try Data(text.utf8).write(to: file)
        return file.path(percentEncoded: false)
    }

    private func parse<Command>(_ type: Command.Type, _ arguments: String...) throws -> Command {
        try #require(try Coe.parse(line: arguments) as? Command)
    }

    /// What is wrong with a recipe, as the user reads it.
    private func complaint(_ command: String, _ text: String, _ arguments: String...) throws -> String {
        let recipe = try file(text)
        do {
            _ = try Coe.parse(line: [command, "--recipe", recipe] + arguments)
        } catch {
            #expect(Coe.exitCode(for: error) == .validationFailure)
            return Coe.message(for: error)
        }
        Issue.record("the recipe was taken")
        return ""
    }

    @Test func `options beside a recipe override it, lists and flags too`() throws {
        let recipe = try file(
            "data: [a.jsonl, b.jsonl]\nlearning-rate: 3e-4\nbatch: 8\nresume: true\nout: first # a comment\n")
        let plain = try parse(SFTCommand.self, "sft", "--recipe", recipe)
        #expect(plain.data == ["a.jsonl", "b.jsonl"] && plain.learningRate == 3e-4 && plain.batch == 8)
        #expect(plain.resume && plain.out == "first")
        let other = try parse(
            SFTCommand.self, "sft", "--batch=4", "--recipe=\(recipe)", "--data", "c", "--out", "second")
        #expect(other.data == ["c"] && other.batch == 4 && other.learningRate == 3e-4 && other.out == "second")
        let rule = try file("data: x\nout: o\nby-pass-rate: false\n")
        #expect(try parse(RLCommand.self, "rl", "--recipe", rule).rule.byPassRate == false)
        #expect(try parse(RLCommand.self, "rl", "--recipe", rule, "--by-pass-rate").rule.byPassRate == true)
    }

    @Test func `a file may hold a section for each command`() throws {
        let recipe = try file("sft:\n  data: d\n  out: s\n  batch: 2\nrl:\n  data: t\n  out: r\n  starts: 3\n")
        #expect(try parse(SFTCommand.self, "sft", "--recipe", recipe).batch == 2)
        #expect(try parse(RLCommand.self, "rl", "--recipe", recipe).starts == 3)
    }

    @Test func `a wrong recipe is refused with its name and the key`() throws {
        for (text, parts) in [
            ("bach: 8\n", ["recipe.yaml", "\"bach\""]), ("batch: many\n", ["recipe.yaml", "--batch"]),
            ("batch: 0\n", ["recipe.yaml", "--batch"]), ("batch: [1, 2]\n", ["recipe.yaml", "\"batch\"", "list"]),
            ("resume: maybe\n", ["recipe.yaml", "\"resume\"", "true or false"]),
            ("optimizer: {speed: 2}\n", ["recipe.yaml", "\"optimizer.speed\""]),
            ("optimizer: {beta1: 0.5}\n", ["recipe.yaml", "\"optimizer.beta1\"", "0.5"]),
            ("recipe: other.yaml\n", ["recipe.yaml", "\"recipe\""]), ("- batch\n", ["recipe.yaml", "options"]),
            ("batch: [\n", ["recipe.yaml", "YAML"]),
        ] {
            let message = try complaint("sft", text, "--data", "d", "--out", "o")
            for part in parts { #expect(message.contains(part), "\(text): \(message)") }
        }
        #expect(throws: ValidationError.self) { try Coe.parse(line: ["sft", "--recipe", "/nowhere/x.yaml"]) }
    }

    @Test func `a wrong option of the user's own is not blamed on the recipe`() throws {
        let message = try complaint("sft", "batch: 2\n", "--data", "d", "--out", "o", "--rank", "0")
        #expect(!message.contains("recipe.yaml") && message.contains("--rank"))
    }

    @Test func `the settings of a supervised run give the same run again`() throws {
        let first = try parse(
            SFTCommand.self, "sft", "--data", "a", "--data", "b", "--validation", "v", "--model", "m", "--adapter", "x",
            "--rank", "8", "--learning-rate", "3e-4", "--batch", "3", "--epochs", "2", "--train-tokens", "9000",
            "--max-length", "77", "--tokens-per-pass", "500", "--precision", "bfloat16", "--seed", "7",
            "--validate-every", "9", "--validation-count", "5", "--validation-episodes", "0", "--out", "o"
        ).settings()
        let recipe = try file(String(decoding: RunFolder.json(first), as: UTF8.self), "run.json")
        #expect(try parse(SFTCommand.self, "sft", "--recipe", recipe, "--out", "p").settings() == first)
        let plain = try parse(SFTCommand.self, "sft", "--data", "a", "--out", "o").settings()
        let again = try file(String(decoding: RunFolder.json(plain), as: UTF8.self), "run.json")
        #expect(try parse(SFTCommand.self, "sft", "--recipe", again, "--out", "p").settings() == plain)
    }

    @Test(arguments: ["best", "paper"])
    func `the settings of reinforcement learning give the same run again`(preset: String) throws {
        for options in [
            [],
            [
                "--validation", "starter", "--learning-rate", "3e-4", "--steps", "7", "--starts", "2", "--turns", "3",
                "--max-tokens", "20", "--temperature", "0.9", "--resamples", "0", "--precision", "float32",
                "--rollout-precision", "int8", "--max-characters", "300", "--tokens-per-pass", "500", "--seed", "7",
                "--validate-every", "9", "--validation-count", "5", "--group", "3", "--baseline", "group",
                "--deviation", "none", "--dynamic-sampling", "3", "--no-by-pass-rate", "--imitation", "0.3",
                "--progress", "0.25",
            ], ["--unconstrained"], ["--temperature", "0.5"],
        ] {
            let line = ["rl", "--preset", preset, "--data", "starter", "--model", "m", "--adapter", "x", "--out", "o"]
            let first = try #require(try Coe.parse(line: line + options) as? RLCommand).settings()
            let recipe = try file(String(decoding: RunFolder.json(first), as: UTF8.self), "run.json")
            #expect(try parse(RLCommand.self, "rl", "--recipe", recipe, "--out", "p").settings() == first)
        }
    }

    @Test func `the settings of an evaluation give the same run again`() throws {
        let tasks = Array(try Toolbox.standard.load("starter", split: .all).prefix(3))
        for (options, name) in [
            ([], "smollm2-135m (int8)"), (["--unconstrained", "--turns", "4", "--until-exit"], "m"),
            (["--resamples", "2", "--samples", "3", "--temperature", "0.7", "--subset", "2", "--seed", "5"], "m"),
            (["--method", "direct", "--form", "fix", "--max-tokens", "99"], "m"),
            (["--method", "resample", "--budget", "runs/b", "--temperature", "1", "--shard", "1/2"], "m"),
        ] {
            func settings(_ run: EvalRun) -> EvaluationConfiguration {
                run.settings(tasks, policy: ScriptedPolicy(name: name, completions: []), adapter: nil, prompt: .brief)
            }
            let line = ["eval", "--set", "starter", "--out", "o"]
            let first = settings(try #require(try Coe.parse(line: line + options) as? EvalRun))
            let recipe = try file(String(decoding: RunFolder.json(first), as: UTF8.self), "run.json")
            let again = try parse(EvalRun.self, "eval", "--recipe", recipe, "--out", "p")
            #expect(settings(again) == first)
            #expect(again.player.model.adapter == "none")
            #expect(again.player.model.base.model == name.split(separator: " ").first.map(String.init))
            #expect(again.player.model.base.precision == (name.hasSuffix("(int8)") ? .int8 : .float32))
        }
    }

    @Test func `a run folder of another format is refused by the key that is unknown`() throws {
        let message = try complaint(
            "rl", #"{"groups": 4, "recipe": {"groupSize": 4}, "data": ["d"]}"#, "--out", "o")
        #expect(message.contains("\"groups\""))
    }

    @Test func `the recipes of the project name options that there are`() throws {
        let recipes = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Recipes")
        for (command, name) in [("sft", "sft"), ("rl", "rl"), ("sft", "countdown"), ("rl", "countdown")] {
            let file = recipes.appending(path: "\(name).yaml").path(percentEncoded: false)
            _ = try Coe.parse(line: [command, "--recipe", file, "--data", "d", "--out", "o"])
        }
    }
}
