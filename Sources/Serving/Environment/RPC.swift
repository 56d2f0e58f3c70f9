import Foundation
import StatefulTools

/// A request of JSON-RPC 2.0.
struct RPCRequest: Decodable, Sendable {
    enum ID: Codable, Hashable, Sendable {
        case number(Int)
        case string(String)
        case null

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else if let number = try? container.decode(Int.self) {
                self = .number(number)
            } else {
                self = .string(try container.decode(String.self))
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .number(let number): try container.encode(number)
            case .string(let string): try container.encode(string)
            case .null: try container.encodeNil()
            }
        }
    }

    /// Nil when it is no request at all.
    var method: String?
    /// Absent for notifications, which get no answer.
    var id: ID?
    var params: Params
    /// What is wrong with it.
    var problem: RPCError?

    /// The parameters of all methods together.
    struct Params: Sendable {
        var sessionID: String?
        var name: String?
        var command: String?
        var taskID: String?
        var seed: UInt64?
        var protocolVersion: String?
    }

    init(from decoder: any Decoder) throws { try self.init(Fields(decoder)) }

    /// Never fails: a fault of the request is answered under its id.
    init(_ fields: Fields) {
        params = Params()
        do {
            id = try fields.optional("id", ID.self, "string")
            guard try fields.optional("jsonrpc", String.self, "string") == "2.0",
                let method = try fields.optional("method", String.self, "string")
            else { throw ValidationFailure("missing", at: ["method"], "jsonrpc \"2.0\" and a method are needed") }
            self.method = method
        } catch {
            problem = RPCError(code: -32600, message: "Invalid Request: \(Self.sentence(error))")
            return
        }
        do {
            guard let given = try fields.object("params") else { return }
            params.sessionID = try given.optional("session_id", String.self, "string")
            params.protocolVersion = try given.optional("protocolVersion", String.self, "string")
            params.name = try given.optional("name", String.self, "string")
            if let arguments = try given.object("arguments") {
                params.command = try arguments.optional("command", String.self, "string")
                params.taskID = try arguments.optional("task_id", String.self, "string")
                params.seed = try arguments.optional("seed", UInt64.self, "integer")
                try arguments.refuse(otherThan: ["command", "task_id", "seed"])
            }
        } catch {
            problem = RPCError(code: -32602, message: "Invalid params: \(Self.sentence(error))")
        }
    }

    private static func sentence(_ error: any Error) -> String {
        guard let item = (error as? ValidationFailure)?.errors.first else { return "it can't be read" }
        return "\(item.loc.joined(separator: ".")): \(item.msg)"
    }
}

struct RPCError: Error, Encodable, Sendable {
    var code: Int
    var message: String
    var data: [String: Int]?
}

/// An answer of JSON-RPC 2.0: a result or an error.
struct RPCResponse: Encodable, Sendable {
    var id: RPCRequest.ID
    var result: RPCResult?
    var error: RPCError?

    private enum CodingKeys: String, CodingKey { case jsonrpc, id, result, error }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode("2.0", forKey: .jsonrpc)
        try container.encode(id, forKey: .id)
        try container.encodeIfPresent(error, forKey: .error)
        if error == nil { try container.encode(result, forKey: .result) }
    }
}

enum RPCResult: Encodable, Sendable {
    case json(JSONValue)
    case tool(ToolResult)

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .json(let value): try value.encode(to: encoder)
        case .tool(let result): try result.encode(to: encoder)
        }
    }
}

/// What a tool gives back: text for the model, and the same in fields.
struct ToolResult: Encodable, Sendable {
    struct Content: Encodable, Sendable {
        var type = "text"
        var text: String
    }

    var content: [Content]
    var structuredContent: StepResult?
    var isError: Bool

    func encode(to encoder: any Encoder) throws {
        // MCP's names are in camel case, unlike everything else here; a dictionary's keys stay as they are.
        var container = encoder.singleValueContainer()
        var members: [String: Member] = ["content": .content(content), "isError": .flag(isError)]
        if let structuredContent { members["structuredContent"] = .result(structuredContent) }
        try container.encode(members)
    }

    private enum Member: Encodable {
        case content([Content])
        case flag(Bool)
        case result(StepResult)

        func encode(to encoder: any Encoder) throws {
            switch self {
            case .content(let content): try content.encode(to: encoder)
            case .flag(let flag): try flag.encode(to: encoder)
            case .result(let result): try result.encode(to: encoder)
            }
        }
    }
}
