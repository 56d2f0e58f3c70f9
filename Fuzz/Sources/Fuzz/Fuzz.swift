import Countdown
import Demonstrations
import Evaluation
import Foundation
import Runs
import Serving
import Tokenization

@testable import LanguageModels
@testable import ModelServing
@testable import PythonRepair
@testable import PythonSandbox
@testable import Reports
@testable import StatefulTools
@testable import Tensors
@testable import UserRepair
@testable import UserRunner

/// One reader of each kind; `FUZZ_READER` names it.
private let readers: [String: @Sendable (Data) throws -> Void] = [
    "gguf": { data in
        try withFile(data) { path in
            let file = try GGUFFile(path: path)
            for (name, entry) in file.entries where entry.format != nil { _ = try file.tensor(name) }
            _ = try? ModelConfiguration(gguf: file)
            _ = try Tokenizer(modelPath: path)
        }
    },
    "safetensors": { data in
        try withFile(data) { path in
            let file = try SafetensorsFile(path: path)
            for (name, entry) in file.entries where entry.dtype != nil { _ = try file.tensor(name) }
        }
    },
    "tokenizer": { data in
        let tokenizer = try Tokenizer(Vocabulary(tokenizerJSON: data))
        _ = tokenizer.decode(tokenizer.encode("def f(x):\n    return 12 é<|im_end|>", controlTokens: .parsed))
        _ = try tokenizer.vocabulary.tokenizerJSON()
        _ = try? ChatEncoder(tokenizer)
    },
    "template": { data in
        guard let template = String(validating: data, as: UTF8.self) else { return }
        var vocabulary = chatVocabulary
        vocabulary.chatTemplate = template
        let chat = try ChatEncoder(Tokenizer(vocabulary))
        _ = chat.conversation([ChatTurn(.user, "hi")]) + chat.generationPrompt
    },
    "config": { data in _ = try ModelConfiguration(json: data, source: "config.json").inverseFrequencies },
    "adapter": { data in
        let configuration = try PEFTConfiguration(json: data, source: "adapter")
        _ = try configuration.scale(of: "model.layers.0.self_attn.q_proj")
    },
    "jsonl": { data in
        try withFile(data) { path in
            let file = URL(filePath: path)
            for task in (try? toolbox.load(file: file)) ?? [] {
                _ = (task.messages("", .examples), task.distanceToPassing, task.grammar(allowsExit: true)?.start)
            }
            var statistics = Statistics()
            var first: Demonstration.Meta?
            try Demonstration.forEach(in: file) {
                statistics.add($0, of: try toolbox.tool($0.task.tool))
                first = first ?? $0.meta
            }
            _ = (statistics.table, statistics.page(title: ""))
            guard let first else { return }
            let options = LessonOptions(seed: first.seed, family: first.family, prompt: first.prompt)
            try DemonstrationFile(file, options: options).close()
        }
    },
    "trace": { data in
        let traces = data.split(separator: 0x0A).compactMap { try? Trace.read(Data($0)) }
        let text = TraceText(hasColour: true, columns: 80)
        for trace in traces { _ = (trace.sequence, text.row(1, trace), text.episode(1, trace, of: add)) }
        let settings = EvaluationConfiguration(set: "", method: .coe, model: "")
        let evaluation = EvaluationRun(configuration: settings, tasks: [add], traces: traces)
        var run = ReportRun(name: "", evaluation: evaluation)
        try withFile(data) { run.metrics = Metrics(file: URL(filePath: $0)) }
        _ = try Report([run]).html()
    },
    // A program, then commands: parts end at NUL.
    "commands": { data in
        let parts = data.split(separator: 0, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        var editor = try PythonRepair(
            RepairTask(id: "", prompt: "", program: parts[0], tests: .statements(["0"]), reference: "x = 1\ny = 22\n"))
        var game = countdown
        for text in parts.dropFirst() {
            play(text, &editor)
            play(text, &game)
            _ = PythonRepair.program(in: text)
            if let command = try? Command(parsing: text) {
                precondition((try? Command(parsing: command.description)) == command, "a command is read back")
            }
            if let schema = try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) {
                var random = SeededGenerator(seed: 1)
                _ = Grammar.json(schema).sample(using: &random, limit: 64)
            }
        }
    },
    "http": { data in HTTPHarness.shared.receive(data) },
    "websocket": { data in
        HTTPHarness.shared.receive(data.dropFirst(), after: data.first.map { $0 & 1 == 1 } == true ? "/mcp" : "/ws")
    },
    "completion": { data in _ = try decodeRequest(GenerationRequest.self, data) },
    // What workers say, one message a line.
    "jail": { data in
        let decoder = JSONDecoder()
        let lines = data.split(separator: 0x0A).map { Data($0) }
        for line in lines {
            guard let answer = try? decoder.decode(Answer.self, from: line) else { continue }
            let report = SandboxReport(
                programError: answer.programError, tests: answer.tests ?? [], hiddenTests: answer.hiddenTests ?? [],
                output: answer.output ?? "", seconds: answer.seconds ?? 0)
            var random = SeededGenerator(seed: 1)
            _ = (Verdict(report), report.refusal, add.expert(Verdict(report), using: &random))
        }
        _ = lines.map { try? decoder.decode(RunnerGreeting.self, from: $0) }
        guard let report = lines.lazy.compactMap({ try? decoder.decode(RunnerReport.self, from: $0) }).first,
            let outline = lines.lazy.compactMap({ try? decoder.decode(ProgramOutline.self, from: $0) }).first
        else { return }
        let shown = ShownTests(outline, report)
        _ = (report.headline, report.failures(of: "a.py"), Verdict(report, shown: shown, hidden: ["a"]))
        let narrow = Focus.narrow(Focus.seeds(outline, report), program)
        _ = Focus.lines(ofFunction: "f", outline)
        for window in [narrow, Focus.lines(of: program, outline, report)].compactMap({ $0 }) {
            var tool = add.starting(with: program)
            (tool.shownLines, tool.editableLines) = (window, window)
            _ = (tool.messages("", .examples), tool.grammar(allowsExit: true)?.start, tool.draft?([]))
            _ = try? tool.apply("### DELL \(window.ranges.first?.lowerBound ?? 1)")
        }
    },
]

private func play(_ text: String, _ tool: inout some Tool) {
    let grammar = tool.grammar(allowsExit: true)?.excluding(["### EXIT"])
    let isPossible = grammar?.accepts(text) ?? false
    _ = (tool.grade(text), tool.answered(text), tool.draft?(Array(text.utf8)))
    do {
        let effect = try tool.apply(try tool.read(text))
        precondition(!isPossible || effect != .unchanged, "the grammar's commands change the state")
    } catch {
        let isTooLong = (error as? CommandFault)?.description.contains("grow beyond") ?? false
        precondition(!isPossible || isTooLong, "the grammar's commands can be carried out")
    }
}

private let toolbox = Toolbox([PythonRepair.self, Countdown.self])
let countdown = try! Countdown(
    ToolTask(
        id: "c", tool: "countdown",
        fields: ["numbers": .array([.number(2), .number(3), .number(25)]), "target": .number(50)]))
private let program = (1...150).map { $0 % 10 == 1 ? "def f\($0)():\n" : "    x = \($0)\n" }.joined()
private let add = try! PythonRepair(
    RepairTask(
        id: "add", prompt: "", program: "def add(a, b):\n    return a - b\n",
        tests: .statements(["assert add(1, 2) == 3"]), reference: "def add(a, b):\n    return a + b\n"))
private let reader = readers[ProcessInfo.processInfo.environment["FUZZ_READER"] ?? ""]!

private func withFile(_ data: Data, _ body: (String) throws -> Void) throws {
    let path = "/dev/shm/fuzz-\(getpid())"
    let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    defer { close(descriptor) }
    _ = data.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    try body(path)
}

private let chatVocabulary: Vocabulary = {
    var next: UInt32 = 256
    var tokens = (UInt8.min...UInt8.max).map { byte -> String in
        switch byte {
        case 33...126, 161...172, 174...255: return String(UnicodeScalar(byte))
        default:
            defer { next += 1 }
            return String(UnicodeScalar(next)!)
        }
    }
    tokens += ["<|im_start|>", "<|im_end|>", "<|endoftext|>"]
    return Vocabulary(
        tokens: tokens, kinds: tokens.indices.map { $0 < 256 ? .normal : .control }, merges: [], preTokenizer: .smollm,
        bosID: 258, eosID: 257, addsBOS: false, chatTemplate: nil)
}()

@_silgen_name("LLVMFuzzerRunDriver") private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

@main enum Fuzz {
    static func main() async throws {
        if ["http", "websocket"].contains(ProcessInfo.processInfo.environment["FUZZ_READER"]) {
            HTTPHarness.shared = try await HTTPHarness()
        }
        fuzz()
    }

    private static func fuzz() {
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        // A thrown error is a refusal; a crash, a hang and too much memory are found.
        exit(
            runDriver(&count, &arguments) { bytes, count in
                if let bytes { try? reader(Data(bytes: bytes, count: count)) }
                return 0
            })
    }
}
