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
            let count = threads ?? Engine.threadCount
            let answer: Answer = try runPeer(python, program, [kind, peer, model, argument, "\(count)"])
            try body(peer, answer)
        }
    }
}
