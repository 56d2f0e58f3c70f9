import ArgumentParser
import Foundation
import Tensors

/// Other engines that a benchmark runs beside this one, on the same work.
struct PeerOptions: ParsableArguments {
    @Option(help: "A Python with torch, transformers and gguf, to run Transformers beside this engine.")
    var python: String?
    @Option(help: "A Python with llama-cpp-python, to run llama.cpp beside this engine.") var llamaPython: String?
    @Option(name: .customLong("peer"), help: "The peers' program.") var program = "scripts/bench-peers.py"

    var isAsked: Bool { python != nil || llamaPython != nil }

    /// Runs each peer that was asked for; it gets a kind of work, a model file and one argument more.
    func run<Answer: Decodable>(
        _ kind: String, model: String, argument: String, threads: Int?, _ body: (String, Answer) throws -> Void
    ) throws {
        for (peer, python) in [("transformers", python), ("llama.cpp", llamaPython)] {
            guard let python else { continue }
            let process = Process()
            let output = Pipe()
            process.executableURL = URL(filePath: "/usr/bin/env")
            let count = threads ?? Engine.threadCount
            process.arguments = [python, program, kind, peer, model, argument, "\(count)"]
            // Their loops are alone on the cores, where spinning threads are the faster choice.
            process.environment = ProcessInfo.processInfo.environment.filter { $0.key != "OMP_WAIT_POLICY" }
            process.standardOutput = output
            try process.run()
            let data = try output.fileHandleForReading.readToEnd() ?? Data()
            process.waitUntilExit()
            guard process.terminationStatus == 0,
                let last = String(decoding: data, as: UTF8.self).split(separator: "\n").last,
                let answer = try? JSONDecoder().decode(Answer.self, from: Data(last.utf8))
            else {
                throw ValidationError("The peer \(python) \(program) \(kind) \(peer) failed; its words are above.")
            }
            try body(peer, answer)
        }
    }
}
