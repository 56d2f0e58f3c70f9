import Foundation
import StatefulTools

/// What the environment says about itself: texts that depend on its tools.
struct EnvironmentDocuments: Sendable {
    /// The environment in one sentence.
    let summary: String
    let readme: String
    /// The JSON Schemas of action, observation and state.
    let schemas: Data
    /// MCP's list of tools.
    let tools: JSONValue

    init(_ tools: [any Tool.Type]) {
        summary = tools.map { $0.summary }.joined(separator: " ")
        let texts = [
            "SUMMARY": summary, "TOOL": tools.map { $0.name }.joined(separator: ", "),
            "INSTRUCTION": tools.map { $0.instruction }.joined(separator: "\n\n"),
        ]
        func filled(_ resource: [UInt8], _ written: (String) -> String) -> String {
            texts.reduce(String(decoding: resource, as: UTF8.self)) {
                $0.replacing("{{\($1.key)}}", with: written($1.value))
            }
        }
        // Placeholders of JSON stand inside of strings.
        func escaped(_ text: String) -> String { String(JSONValue.string(text).compactText.dropFirst().dropLast()) }
        readme = filled(PackageResources.environment_md) { $0 }
        schemas = Data(filled(PackageResources.schemas_json, escaped).utf8)
        let list = Data(filled(PackageResources.tools_json, escaped).utf8)
        self.tools = (try? JSONDecoder().decode(JSONValue.self, from: list)) ?? .array([])
    }
}
