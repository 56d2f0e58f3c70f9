import Foundation
import Testing

@testable import Tokenization

/// Tests/Fixtures/tokenization, as make_tokenization.py writes it.
enum Fixtures {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/tokenization")

    struct Encodings: Decodable {
        var hashes: [String]
        var parsed: [String: String]
        var full: [String: [Int]]
    }

    struct Chats: Decodable {
        struct Turn: Decodable { var role, content: String }
        var conversations: [[Turn]]
        var date: String
        /// For each tokenizer and conversation, the ids without and with the generation prompt.
        var ids: [String: [[[Int]]]]

        var turns: [[ChatTurn]] {
            conversations.map { $0.map { ChatTurn(ChatRole(rawValue: $0.role)!, $0.content) } }
        }
    }

    /// A string, or `[text, n]`: the text n times over.
    private enum Entry: Decodable {
        case text(String)

        init(from decoder: any Decoder) throws {
            if let text = try? decoder.singleValueContainer().decode(String.self) {
                self = .text(text)
            } else {
                var parts = try decoder.unkeyedContainer()
                let unit = try parts.decode(String.self)
                self = .text(String(repeating: unit, count: try parts.decode(Int.self)))
            }
        }
    }

    static func strings() throws -> [String] {
        try decode([Entry].self, "strings.json").map { if case .text(let text) = $0 { text } else { "" } }
    }
    /// Those that the tokenizer's ids are known of.
    static func strings(for name: String) throws -> [String] {
        try strings() + (name.hasPrefix("gemma") ? decode([String].self, "gemma_strings.json") : [])
    }
    static func encodings() throws -> [String: Encodings] { try decode([String: Encodings].self, "ids.json") }
    static func chats() throws -> Chats { try decode(Chats.self, "conversations.json") }

    static func decode<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(contentsOf: folder.appending(path: name)))
    }

    /// One of the tiny tokenizers: smollm, qwen2, llama3, gemma.
    static func tokenizer(_ name: String) throws -> Tokenizer {
        try Tokenizer(
            Vocabulary(
                tokenizerJSON: Data(contentsOf: folder.appending(path: name + ".json")),
                configuration: Data(contentsOf: folder.appending(path: name + "_config.json"))))
    }

    /// FNV-1a, 64 bits, over the ids as little-endian 32-bit words.
    static func hash(_ ids: [Int]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for id in ids {
            for shift in [0, 8, 16, 24] { hash = (hash ^ UInt64(id >> shift & 0xFF)) &* 0x100_0000_01b3 }
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// The models' own vocabularies, which are not in the repository: `${COE_HOME:-~/.cache/coe}/models`.
enum PublishedVocabularies {
    static let folder = URL(
        filePath: ProcessInfo.processInfo.environment["COE_HOME"] ?? NSHomeDirectory() + "/.cache/coe"
    ).appending(path: "models")

    static let names = [
        "SmolLM2-135M-Instruct-Q4_1.gguf", "Qwen2.5-Coder-0.5B-Instruct-Q4_K_M.gguf", "llama3-tokenizer.json",
        "gemma-3-270m-Q4_K_M.gguf",
    ]

    static func isThere(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: folder.appending(path: name).path)
    }

    static func tokenizer(_ name: String) throws -> Tokenizer {
        let data = try Data(contentsOf: folder.appending(path: name), options: .alwaysMapped)
        if name.hasSuffix(".json") { return try Tokenizer(Vocabulary(tokenizerJSON: data)) }
        return try Tokenizer(GGUFMetadata(data).vocabulary())
    }
}
