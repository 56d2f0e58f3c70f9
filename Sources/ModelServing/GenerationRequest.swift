import Foundation
import LanguageModels
import Serving
import Tokenization

/// A request to `/v1/chat/completions` or `/v1/completions`. Unsupported fields are refused by name, never ignored.
struct GenerationRequest: Decodable, Sendable {
    enum Prompt: Sendable {
        case chat([ChatTurn])
        case texts([String])
        case tokens([[Int]])
    }

    var model: String?
    var prompt: Prompt
    var maxTokens: Int?
    var sampling: SamplingOptions
    var hasSeed: Bool
    var stop: [String]
    var count: Int
    var streams: Bool
    var includesUsage: Bool
    var wantsLogProbabilities: Bool
    var wantsTokenIDs: Bool

    /// Fields that change nothing here.
    private static let harmless: Set<String> = [
        "user", "metadata", "store", "service_tier", "parallel_tool_calls", "safety_identifier", "prompt_cache_key",
    ]
    /// Fields that may only have their neutral value.
    private static let neutral: [String: Double] = [
        "frequency_penalty": 0, "presence_penalty": 0, "top_logprobs": 0, "best_of": 1,
    ]
    private static let known: Set<String> = [
        "model", "messages", "prompt", "max_tokens", "max_completion_tokens", "temperature", "top_p", "min_p", "seed",
        "stop", "n", "stream", "stream_options", "logprobs", "return_token_ids", "echo", "suffix", "tools",
        "tool_choice", "response_format", "logit_bias",
    ]

    init(from decoder: any Decoder) throws {
        let fields = try Fields(decoder)
        try fields.refuse(otherThan: Self.known.union(Self.harmless).union(Self.neutral.keys))
        for (key, value) in Self.neutral {
            if let given = try fields.optional(key, Double.self, "number"), given != value {
                throw ValidationFailure("unsupported", at: [key], "Only \(value.formatted()) is supported here")
            }
        }
        model = try fields.optional("model", String.self, "string")
        let isChat = fields.container.contains(AnyKey(stringValue: "messages"))
        if isChat {
            let messages = try fields.required("messages", [Message].self, "list of messages")
            if messages.isEmpty { throw ValidationFailure("too_short", at: ["messages"], "At least one is needed") }
            prompt = .chat(messages.map(\.turn))
        } else {
            prompt = try fields.required("prompt", PromptValue.self, "prompt").prompt
        }
        let limit = try fields.optional("max_completion_tokens", Int.self, "integer")
        maxTokens = try limit ?? fields.optional("max_tokens", Int.self, "integer") ?? (isChat ? nil : 16)
        if let maxTokens, maxTokens < 1 {
            throw ValidationFailure("greater_than", at: ["max_tokens"], "Input should be greater than 0")
        }
        func number(_ key: String, _ range: ClosedRange<Double>, _ otherwise: Double) throws -> Double {
            let value = try fields.optional(key, Double.self, "number") ?? otherwise
            guard range.contains(value) else {
                throw ValidationFailure(
                    "out_of_range", at: [key], "Input should be from \(range.lowerBound) to \(range.upperBound)")
            }
            return value
        }
        let seed = try fields.optional("seed", Int.self, "integer")
        hasSeed = seed != nil
        sampling = SamplingOptions(
            temperature: try number("temperature", 0...10, 1), topP: try number("top_p", 0...1, 1),
            minP: try number("min_p", 0...1, 0),
            seed: seed.map { UInt64(bitPattern: Int64($0)) } ?? .random(in: 0 ... .max))
        stop = try fields.optional("stop", StopValue.self, "string or list of strings")?.strings ?? []
        if stop.count > 16 || stop.contains(where: { $0.isEmpty || $0.utf8.count > 256 }) {
            throw ValidationFailure("out_of_range", at: ["stop"], "At most 16 strings of 1 to 256 bytes are taken")
        }
        count = try fields.optional("n", Int.self, "integer") ?? 1
        guard (1...16).contains(count) else {
            throw ValidationFailure("out_of_range", at: ["n"], "Input should be from 1 to 16")
        }
        streams = try fields.optional("stream", Bool.self, "boolean") ?? false
        let streaming = try fields.object("stream_options")
        try streaming?.refuse(otherThan: ["include_usage", "include_obfuscation"])
        includesUsage = try streaming?.optional("include_usage", Bool.self, "boolean") ?? false
        wantsTokenIDs = try fields.optional("return_token_ids", Bool.self, "boolean") ?? false
        if isChat {
            wantsLogProbabilities = try fields.optional("logprobs", Bool.self, "boolean") ?? false
        } else {
            // It is a number of alternatives there; the answer holds the written token alone.
            let alternatives = try fields.optional("logprobs", Int.self, "integer")
            guard (0...5).contains(alternatives ?? 0) else {
                throw ValidationFailure("out_of_range", at: ["logprobs"], "Input should be from 0 to 5")
            }
            wantsLogProbabilities = alternatives != nil
        }
        try Self.refuseUnsupported(fields)
    }

    private static func refuseUnsupported(_ fields: Fields) throws {
        func refuse(_ key: String, unless isNeutral: Bool) throws {
            if !isNeutral { throw ValidationFailure("unsupported", at: [key], "This is not supported here") }
        }
        func isNull(_ key: String) -> Bool {
            let key = AnyKey(stringValue: key)
            return !fields.container.contains(key) || (try? fields.container.decodeNil(forKey: key)) == true
        }
        try refuse("echo", unless: try fields.optional("echo", Bool.self, "boolean") != true)
        try refuse("suffix", unless: isNull("suffix"))
        try refuse(
            "logit_bias", unless: try fields.optional("logit_bias", [String: Double].self, "object") ?? [:] == [:])
        try refuse("tools", unless: fields.isEmpty("tools"))
        if !isNull("tool_choice") {
            try refuse(
                "tool_choice",
                unless: ["none", "auto"].contains((try? fields.optional("tool_choice", String.self, "string")) ?? ""))
        }
        let format = try fields.object("response_format")?.optional("type", String.self, "string")
        try refuse("response_format", unless: format == nil || format == "text")
    }

    /// `{"role": …, "content": text or list of parts}`
    private struct Message: Decodable {
        var turn: ChatTurn

        init(from decoder: any Decoder) throws {
            let fields = try Fields(decoder, at: ["messages"])
            let name = try fields.required("role", String.self, "string")
            let known: Set<String> = ["role", "content", "name"]
            let others = fields.container.allKeys.map(\.stringValue).filter { !known.contains($0) }.sorted()
            if let other = others.first(where: { !fields.isEmpty($0) }) {
                throw ValidationFailure("unsupported", at: ["messages", other], "This is not supported here")
            }
            guard let role = ["developer": ChatRole.system][name] ?? ChatRole(rawValue: name) else {
                throw ValidationFailure(
                    "unsupported", at: ["messages", "role"], "Roles are system, developer, user and assistant")
            }
            struct Part: Decodable {
                var text: String
                init(from decoder: any Decoder) throws {
                    let fields = try Fields(decoder, at: ["messages", "content"])
                    guard try fields.optional("type", String.self, "string") == "text" else {
                        throw ValidationFailure("unsupported", at: ["messages", "content"], "Parts are texts here")
                    }
                    text = try fields.required("text", String.self, "string")
                }
            }
            if let text = try? fields.optional("content", String.self, "string") {
                turn = ChatTurn(role, text)
            } else {
                let parts = try fields.required("content", [Part].self, "string or list of parts")
                turn = ChatTurn(role, parts.map(\.text).joined())
            }
        }
    }

    private struct StopValue: Decodable {
        var strings: [String]
        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let one = try? container.decode(String.self) {
                strings = [one]
            } else {
                strings = try container.decode([String].self)
            }
        }
    }

    private struct PromptValue: Decodable {
        var prompt: Prompt
        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                prompt = .texts([text])
            } else if let texts = try? container.decode([String].self), !texts.isEmpty {
                prompt = .texts(texts)
            } else if let ids = try? container.decode([Int].self), !ids.isEmpty {
                prompt = .tokens([ids])
            } else {
                prompt = .tokens(try container.decode([[Int]].self))
            }
        }
    }
}
