import Demonstrations
import Foundation
import LanguageModels
import PythonRepair
import PythonSandbox
import Runs
import StatefulTools
import TestSupport
import Testing
import Tokenization
import Tools

@testable import Training

/// Whole runs on a model of 50,000 weights.
@Suite(.serialized) struct SFTTests {
    let folder: URL
    let model: String
    let data: String

    init() async throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "coe-sft-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        model = try byteModelFolder().path(percentEncoded: false)
        let file = folder.appending(path: "demos.jsonl")
        let sandbox = try await PythonSandbox()
        let options = LessonOptions(seed: 1, faults: 1...2, prompt: .brief)
        let tasks = try RepairTask.starter.prefix(12).map { try PythonRepair($0) }
        let teacher = try await PythonRepair.teacher(of: tasks, options, in: sandbox) { _, _ in }
        let synthesizer = Synthesizer(teacher, options: options, sandbox: sandbox)
        var output = try DemonstrationFile(file, options: options)
        try await synthesizer.run(from: 0, workers: 2) { _, demonstration in
            if let demonstration { try output.append(demonstration) }
            return output.count < 24
        }
        try output.close()
        await sandbox.shutdown()
        data = file.path(percentEncoded: false)
    }

    func configuration() -> SFTConfiguration {
        var configuration = SFTConfiguration(model: "tiny", data: [data])
        configuration.lora = LoRAConfiguration(rank: 4, alpha: 8, dropout: 0.1)
        configuration.batch = 4
        configuration.epochs = 1
        configuration.maxLength = 4_000
        configuration.validateEvery = 2
        return configuration
    }

    @discardableResult
    func run(
        _ configuration: SFTConfiguration, in name: String, resume: Bool = false, stopAfter: Int = .max
    ) async throws -> URL {
        let steps = Counter()
        return try await SFT(configuration, folder: folder.appending(path: name), toolbox: .standard).run(
            resume: resume, modelPath: model, shouldStop: { steps.count >= stopAfter }, observe: { _ in steps.add() })
    }

    func bytes(_ path: String) throws -> Data { try Data(contentsOf: folder.appending(path: path)) }

    @Test(arguments: [Precision.float32, .int8])
    func aStoppedRunEndsWithTheBytesOfOneThatWasNot(precision: Precision) async throws {
        var configuration = configuration()
        configuration.precision = precision
        try await run(configuration, in: "whole")
        // Stopped after step 3, which is no step of validation, and again later.
        await #expect { try await run(configuration, in: "parts", stopAfter: 2) } throws: {
            ($0 as? TrainingError)?.code == .interrupted
        }
        await #expect { try await run(configuration, in: "parts", resume: true, stopAfter: 1) } throws: {
            ($0 as? TrainingError)?.code == .interrupted
        }
        try await run(configuration, in: "parts", resume: true)
        for file in [
            "adapter/adapter_model.safetensors", "checkpoints/step-6/adapter_model.safetensors",
            "checkpoints/step-6/optimizer.safetensors",
        ] {
            #expect(try bytes("whole/\(file)") == bytes("parts/\(file)"), "\(file)")
        }
        func losses(_ name: String) throws -> [String] {
            struct Line: Decodable {
                var step: Int
                var loss: Double
            }
            return try bytes("\(name)/metrics.jsonl").split(separator: 0x0A).map {
                let line = try JSONDecoder().decode(Line.self, from: $0)
                return "\(line.step) \(line.loss)"
            }
        }
        #expect(try losses("whole") == losses("parts"))
        #expect(try losses("whole").count == 6)
    }

    @Test func theAdapterLoadsAndCarriesItsPrompt() async throws {
        let adapter = try await run(configuration(), in: "run").path(percentEncoded: false)
        let loaded = try LoRAAdapter(path: adapter)
        #expect(loaded.rank == 4 && loaded.scale == 2 && loaded.layers.count == 14)
        #expect(try CausalLM(path: model, adapter: adapter).configuration.layerCount == 2)
        #expect(
            try AdapterCard.read(fromAdapter: adapter)
                == AdapterCard(prompt: .brief, model: "tiny", tools: ["python"]))
    }

    @Test func aFolderWithAnotherRunIsRefusedAndLeftAlone() async throws {
        try await run(configuration(), in: "run")
        let before = try bytes("run/metrics.jsonl")
        await #expect { try await run(configuration(), in: "run") } throws: {
            ($0 as? RunError)?.code == .foreignFolder
        }
        var other = configuration()
        other.seed = 9
        await #expect { try await run(other, in: "run", resume: true) } throws: {
            // The sentence names the settings that differ, and no others.
            ($0 as? RunError)?.code == .foreignFolder && "\($0)".contains("other settings (seed;")
        }
        try Data("{".utf8).write(to: folder.appending(path: "run/run.json"))
        await #expect { try await run(configuration(), in: "run", resume: true) } throws: {
            ($0 as? RunError)?.code == .damaged && "\($0)".contains("run.json can't be read")
        }
        #expect(try bytes("run/metrics.jsonl") == before)
    }

    @Test func aRunThatFailedBeforeItsFirstCheckpointCanBeBegunAnew() async throws {
        var wrong = configuration()
        wrong.adapter = folder.appending(path: "nowhere").path(percentEncoded: false)
        await #expect(throws: (any Error).self) { try await run(wrong, in: "failed") }
        var other = configuration()
        other.seed = 9
        try await run(other, in: "failed")
        #expect(String(decoding: try bytes("failed/run.json"), as: UTF8.self).contains("\"seed\" : 9"))
    }

    @Test func aLossThatIsNoNumberStopsTheRunBeforeTheCheckpoint() async throws {
        var wild = configuration()
        wild.optimizer.learningRate = 1e30
        wild.optimizer.clipNorm = 1e30
        wild.validateEvery = 1
        await #expect { try await run(wild, in: "run") } throws: { error in
            let error = error as? TrainingError
            return error?.code == .diverged && error?.description.contains("step") == true
        }
        let checkpoints = try FileManager.default.contentsOfDirectory(
            atPath: folder.appending(path: "run/checkpoints").path(percentEncoded: false))
        #expect(checkpoints.allSatisfy { !$0.hasSuffix(".partial") })
    }

    @Test func halfWrittenCheckpointsAndMetricsAreNotResumedFrom() async throws {
        try await run(configuration(), in: "whole")
        await #expect(throws: TrainingError.self) { try await run(configuration(), in: "torn", stopAfter: 3) }
        // What a crash in the middle of writing leaves.
        let torn = folder.appending(path: "torn")
        try FileManager.default.createDirectory(
            at: torn.appending(path: "checkpoints/step-5.partial"), withIntermediateDirectories: true)
        let handle = try FileHandle(forWritingTo: torn.appending(path: "metrics.jsonl"))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("{\"loss\":1,\"step\":5}\n{\"los".utf8))
        try handle.close()
        try await run(configuration(), in: "torn", resume: true)
        #expect(
            try bytes("torn/adapter/adapter_model.safetensors") == bytes("whole/adapter/adapter_model.safetensors"))
        #expect(try bytes("torn/metrics.jsonl").split(separator: 0x0A).count == 6)
    }

    @Test func validationMeasuresLossFirstCommandsAndEpisodes() async throws {
        var validated = configuration()
        validated.validation = data
        validated.validationCount = 3
        validated.validationEpisodes = 2
        let sandbox = try await PythonSandbox()
        let last = Last()
        _ = try await SFT(
            validated, folder: folder.appending(path: "run"), toolbox: .standard, sandbox: sandbox
        ).run(resume: false, modelPath: model, observe: { last.set($0.metrics) })
        await sandbox.shutdown()
        let metrics = last.metrics
        #expect(metrics["eval_loss"].map { $0 > 0 && $0 < 10 } == true)
        for name in ["executable", "line", "command", "exact"] {
            #expect(metrics["eval_first/\(name)"].map { (0...1).contains($0) } == true)
        }
        #expect(metrics["eval_solved"].map { (0...1).contains($0) } == true)
    }

    /// For Gemma's format too, where a system message is part of the one after it.
    @Test(arguments: ["chatML", "gemma"]) func theExampleIsTheTokenSequenceOfTheEpisode(format: String) throws {
        func gemma(_ name: String) throws -> Data {
            try Data(contentsOf: URL(filePath: fixture("tokenization/\(name).json")))
        }
        let tokenizer =
            format == "gemma"
            ? try Tokenizer(Vocabulary(tokenizerJSON: gemma("gemma"), configuration: gemma("gemma_config")))
            : try Tokenizer(modelPath: model)
        let chat = try ChatEncoder(tokenizer)
        var checked = 0
        try Demonstration.forEach(in: URL(filePath: data)) { demonstration in
            let example = CausalLM.PackedSequence(demonstration, chat)
            let turns = demonstration.messages.map {
                ChatTurn($0.role == .user ? .user : $0.role == .assistant ? .assistant : .system, $0.content)
            }
            #expect(example.tokens == chat.conversation(turns))
            let learned = zip(example.tokens, example.mask).filter(\.1).map(\.0)
            let commands = demonstration.messages.filter { $0.role == .assistant && $0.learn != false }
            #expect(learned == commands.flatMap { chat.content($0.content) + [chat.endOfTurn] })
            checked += 1
        }
        #expect(checked == 24 && chat.format == (format == "gemma" ? .gemma : .chatML))
    }

    @Test(arguments: [
        ("### REPL 2 >>>    return a + b", [true, true, true, true]),
        ("### REPW 2 >>>- >>>+", [true, true, true, true]),
        ("### REPL 2 >>>    return a * b", [true, true, true, false]),
        ("### DELL 2", [true, true, false, false]),
        ("### REPL 1 >>>def add(a):", [true, false, false, false]),
        ("### REPL 7 >>>x", [false, false, false, false]),
        ("### EXIT", [false, false, false, false]),
    ])
    func firstCommandsAreJudgedByTheReference(command: String, expected: [Bool]) throws {
        let tool = try PythonRepair(
            RepairTask(
                id: "add", prompt: "", program: "def add(a, b):\n    return a - b\n",
                tests: .statements(["assert add(1, 2) == 3"]), reference: "def add(a, b):\n    return a + b\n"))
        let facts = tool.grade(command)
        #expect(["executable", "line", "command", "exact"].map { facts[$0] } == expected)
    }
}

/// Counts steps across threads.
final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var value = 0

    var count: Int { lock.withLock { value } }
    func add() { lock.withLock { value += 1 } }
}

private final class Last: @unchecked Sendable {
    private let lock = NSLock()
    private var value: [String: Double] = [:]

    var metrics: [String: Double] { lock.withLock { value } }
    func set(_ metrics: [String: Double]) { lock.withLock { value = metrics } }
}
