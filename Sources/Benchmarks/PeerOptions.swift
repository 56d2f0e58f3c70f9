import ArgumentParser
import Tensors

/// Other engines that a benchmark runs beside this one, on the same work.
struct PeerOptions: ParsableArguments {
    @Option(help: "A Python with torch, transformers and gguf: runs Transformers beside this engine.")
    var peerPython: String?
    @Option(help: "A Python with llama-cpp-python: runs llama.cpp beside this engine.") var llamaPython: String?

    var isAsked: Bool { peerPython != nil || llamaPython != nil }

    /// Runs each peer that was asked for; it gets a kind of work, a model file and one argument more.
    func run<Answer: Decodable>(
        _ kind: String, model: String, argument: String, _ body: (String, Answer) throws -> Void
    ) throws {
        for (peer, python) in [("transformers", peerPython), ("llama.cpp", llamaPython)] {
            guard let python else { continue }
            let arguments = [kind, peer, model, argument, "\(Engine.threadCount)"]
            let answer: Answer = try runPeer(python, "scripts/bench-peers.py", arguments)
            try body(peer, answer)
        }
    }
}
