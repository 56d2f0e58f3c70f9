import Episodes
import Foundation

/// The player that the options name.
///
/// - Parameters:
///   - model: a known model's name or a file; the default model when nil.
///   - adapter: a PEFT folder.
///   - policy: `script:FILE`, a text file with one command a line, instead of a model.
func loadPolicy(model: String?, adapter: String?, policy: String?) async throws -> any Policy {
    if let policy {
        guard policy.hasPrefix("script:") else {
            throw PolicyError(
                .unavailable, "\(policy) is no policy: write script:FILE, a file with one command a line.")
        }
        let file = String(policy.dropFirst("script:".count))
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
            throw PolicyError(.unavailable, "The script \(file) can't be read.")
        }
        return ScriptedPolicy(name: policy, completions: text.split(whereSeparator: \.isNewline).map(String.init))
    }
    throw PolicyError(
        .unavailable, "There is no model in this build yet; --policy script:FILE replays commands from a file.")
}
