import Episodes
import Foundation
import LanguageModels
import Policies
import RemotePolicies

/// The player that the options name.
///
/// - Parameters:
///   - model: a known model's name, a GGUF file or a Hugging Face folder; when nil the adapter's, or the default.
///   - adapter: a PEFT folder.
///   - precision: what the model computes in; int8 on a CPU and bfloat16 on a GPU when nil.
///   - policy: instead of a model, `openai:URL#MODEL`, one behind a server (its key in OPENAI_API_KEY or COE_TOKEN), or
///     `script:FILE`, a text file with one command a line.
func loadPolicy(
    model: String?, adapter: String?, precision: Precision? = nil, policy: String?
) async throws -> any Policy {
    if let policy {
        if policy.hasPrefix("openai:") {
            let environment = ProcessInfo.processInfo.environment
            return try RemotePolicy(
                String(policy.dropFirst("openai:".count)),
                key: environment["OPENAI_API_KEY"] ?? environment["COE_TOKEN"])
        }
        guard policy.hasPrefix("script:") else {
            throw PolicyError(
                .unavailable,
                "\(policy) is no policy: write openai:URL#MODEL, or script:FILE, a file with one command a line.")
        }
        let file = String(policy.dropFirst("script:".count))
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
            throw PolicyError(.unavailable, "The script \(file) can't be read.")
        }
        return ScriptedPolicy(name: policy, completions: text.split(whereSeparator: \.isNewline).map(String.init))
    }
    let name = try resolvedModel(model, adapter: adapter)
    return try await LocalPolicy(name: name, model: modelPath(name), adapter: adapter, precision: precision)
}

/// The file or folder of a model that is named by a path or as a known one.
func modelPath(_ name: String) throws -> String {
    if FileManager.default.fileExists(atPath: name) { return name }
    guard let known = KnownModel.all.first(where: { $0.name == name }) else {
        throw PolicyError(
            .unavailable,
            "There is no model \(name): name a GGUF file, a Hugging Face folder, or one of "
                + KnownModel.all.map(\.name).joined(separator: ", ") + ".")
    }
    guard known.size != nil else {
        let others = KnownModel.all.filter { $0.size != nil }.map { "--model \($0.name)" }
        throw PolicyError(
            .unavailable,
            "The model \(name) is not on this machine (\(known.url.path(percentEncoded: false))). "
                + "With a network, scripts/fetch-model \(name) gets it"
                + (others.isEmpty ? "." : "; here there is \(others.joined(separator: ", "))."))
    }
    return known.url.path(percentEncoded: false)
}
