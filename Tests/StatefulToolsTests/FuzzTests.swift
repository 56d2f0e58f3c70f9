import Foundation
import StatefulTools
import TestSupport
import Testing
import Tools

/// What Fuzz/run keeps: none crashes or hangs, and a grammar's commands can be carried out.
@Suite(.timeLimit(.minutes(1))) struct FuzzTests {
    @Test func `programs and commands`() throws {
        let folder = URL(filePath: fixture("fuzz/commands"))
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
            let parts = try Data(contentsOf: file).split(separator: 0, omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
            let fields: [String: JSONValue] = ["program": .string(parts[0]), "tests": .array([.string("0")])]
            var tool = try Toolbox.standard.start(ToolTask(id: "a", fields: fields))
            for text in parts.dropFirst() {
                let isPossible = tool.grammar(allowsExit: true)?.accepts(text) ?? false
                _ = (tool.grade(text), tool.answered(text), tool.draft?(Array(text.utf8)))
                let effect = try? tool.apply(tool.read(text))
                #expect(!isPossible || effect != nil && effect != .unchanged)
                if let schema = try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) {
                    var random = SeededGenerator(seed: 1)
                    _ = Grammar.json(schema).sample(using: &random, limit: 64)
                }
            }
        }
    }
}
