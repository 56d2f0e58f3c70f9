import Episodes
package import Foundation
import RepairTasks

/// How an episode begins. Fields that the environment does not know are no fault, as in OpenEnv's reference.
struct ResetRequest: Decodable, Sendable {
    /// Draws the task and its faults; drawn itself when not given.
    var seed: UInt64?
    var episodeID: String?
    /// A task of the server's set.
    var taskID: String?
    /// A whole task, in the form of a line of a task file.
    var task: RepairTask?
    /// Over HTTP: the session, from `openenv/session/create`, in which the episode runs.
    var sessionID: String?

    init(seed: UInt64? = nil) { self.seed = seed }

    init(from decoder: any Decoder) throws { try self.init(Fields(decoder)) }

    init(_ fields: Fields) throws {
        if let given = try? fields.optional("seed", Double.self, "integer"), given < 0 {
            throw ValidationFailure(
                "greater_than_equal", at: fields.path + ["seed"], "Input should be greater than or equal to 0")
        }
        seed = try fields.optional("seed", UInt64.self, "integer")
        episodeID = try fields.limited("episode_id", to: 255)
        taskID = try fields.limited("task_id", to: 255)
        sessionID = try fields.limited("session_id", to: 255)
        task = try fields.optional("task", RepairTask.self, "task")
        if task != nil && taskID != nil {
            throw ValidationFailure(
                "conflict", at: fields.path + ["task"], "Give either a task or a task_id, not both")
        }
    }
}

/// One command of the player, as the model writes it.
struct EnvironmentAction: Sendable {
    var command: String

    init(command: String) { self.command = command }

    init(_ fields: Fields) throws {
        command = try fields.required("command", String.self, "string")
        _ = try fields.object("metadata")
        try fields.refuse(otherThan: ["command", "metadata"])
    }
}

/// The body of an HTTP step.
struct StepRequest: Decodable, Sendable {
    var action: EnvironmentAction
    var timeoutSeconds: Double?
    var sessionID: String?

    init(from decoder: any Decoder) throws {
        let fields = try Fields(decoder)
        guard let action = try fields.object("action") else {
            throw ValidationFailure("missing", at: ["action"], "Field required")
        }
        self.action = try EnvironmentAction(action)
        timeoutSeconds = try fields.optional("timeout_s", Double.self, "number")
        if let timeoutSeconds, !(timeoutSeconds > 0) {
            throw ValidationFailure("greater_than", at: ["timeout_s"], "Input should be greater than 0")
        }
        _ = try fields.limited("request_id", to: 255)
        sessionID = try fields.limited("session_id", to: 255)
    }
}

/// A message over the WebSocket.
enum IncomingMessage: Decodable, Sendable {
    case reset(ResetRequest)
    case step(EnvironmentAction)
    case state
    case close
    case mcp(RPCRequest)
    case unknown(String)

    init(from decoder: any Decoder) throws {
        let fields = try Fields(decoder)
        let type = try fields.optional("type", String.self, "string") ?? ""
        switch type {
        case "reset":
            try fields.refuse(otherThan: ["type", "data"])
            self = .reset(try fields.object("data").map { try ResetRequest($0) } ?? ResetRequest())
        case "step":
            try fields.refuse(otherThan: ["type", "data"])
            guard let data = try fields.object("data") else {
                throw ValidationFailure("missing", at: ["data"], "Field required")
            }
            self = .step(try EnvironmentAction(data))
        case "state":
            try fields.refuse(otherThan: ["type"])
            self = .state
        case "close":
            try fields.refuse(otherThan: ["type"])
            self = .close
        case "mcp":
            try fields.refuse(otherThan: ["type", "data"])
            guard let data = try fields.object("data") else {
                throw ValidationFailure("missing", at: ["data"], "Field required")
            }
            self = .mcp(RPCRequest(data))
        default:
            self = .unknown(type)
        }
    }
}

/// What the player is shown.
struct Observation: Encodable, Sendable {
    /// What to add to the conversation: at the beginning the whole prompt, then the answer to each command.
    var messages: [ChatMessage]
    var program: String
    /// What the visible tests say.
    var feedback: String
    /// Why the command could not be read or carried out.
    var error: String?
    /// The visible tests that pass, and all of them; 0 of 0 when the program does not load.
    var testsPassed: Int
    var testsTotal: Int
    var passed: Bool
    /// Whether the hidden tests pass too; told when the episode is over.
    var solved: Bool?
    var turn: Int
    var turnsLeft: Int
    /// How the episode ended; null while it runs.
    var exit: EpisodeExit?
    /// The sum of the rewards so far.
    var totalReward: Double
    var taskID: String
    var episodeID: String
    var metadata: [String: String] = [:]

    private enum CodingKeys: String, CodingKey {
        case messages, program, feedback, error, testsPassed, testsTotal, passed, solved, turn, turnsLeft, exit
        case totalReward, metadata
        case taskID = "taskId"
        case episodeID = "episodeId"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(messages, forKey: .messages)
        try container.encode(program, forKey: .program)
        try container.encode(feedback, forKey: .feedback)
        // Null, not absent: a client finds every field of the schema.
        try container.encode(error, forKey: .error)
        try container.encode(testsPassed, forKey: .testsPassed)
        try container.encode(testsTotal, forKey: .testsTotal)
        try container.encode(passed, forKey: .passed)
        try container.encode(solved, forKey: .solved)
        try container.encode(turn, forKey: .turn)
        try container.encode(turnsLeft, forKey: .turnsLeft)
        try container.encode(exit, forKey: .exit)
        try container.encode(totalReward, forKey: .totalReward)
        try container.encode(taskID, forKey: .taskID)
        try container.encode(episodeID, forKey: .episodeID)
        try container.encode(metadata, forKey: .metadata)
    }
}

/// An observation with its reward, as OpenEnv sends it.
struct StepResult: Encodable, Sendable {
    var observation: Observation
    /// Null at the beginning of an episode.
    var reward: Double?
    var done: Bool

    private enum CodingKeys: String, CodingKey { case observation, reward, done }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(observation, forKey: .observation)
        try container.encode(reward, forKey: .reward)
        try container.encode(done, forKey: .done)
    }
}

/// What a session says of itself.
struct SessionState: Encodable, Sendable {
    var episodeID: String?
    var stepCount = 0
    var taskID: String?
    var done = false

    private enum CodingKeys: String, CodingKey {
        case stepCount, done
        case episodeID = "episodeId"
        case taskID = "taskId"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(episodeID, forKey: .episodeID)
        try container.encode(stepCount, forKey: .stepCount)
        try container.encode(taskID, forKey: .taskID)
        try container.encode(done, forKey: .done)
    }
}

/// A message that leaves over the WebSocket.
struct OutgoingMessage<Payload: Encodable>: Encodable {
    var type: String
    var data: Payload
}

/// Why a message was not carried out.
package struct WireError: Error, Encodable, Sendable {
    package enum Code: String, Encodable, Sendable {
        case invalidJSON = "INVALID_JSON"
        case unknownType = "UNKNOWN_TYPE"
        case validation = "VALIDATION_ERROR"
        case execution = "EXECUTION_ERROR"
        case capacity = "CAPACITY_REACHED"
        case factory = "FACTORY_ERROR"
        case session = "SESSION_ERROR"
    }

    var code: Code
    var message: String
    package var errors: [ValidationFailure.Item]?
    var activeSessions: Int?
    var maxSessions: Int?
    /// Whether another call of the same session is in its way.
    var isBusy = false

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    private enum CodingKeys: String, CodingKey { case code, message, errors, activeSessions, maxSessions }
}

/// Decodes a request; every fault of it becomes an error with its code.
package func decodeRequest<Value: Decodable>(_ type: Value.Type, _ data: Data) throws(WireError) -> Value {
    do {
        return try JSONDecoder().decode(type, from: data)
    } catch let failure as ValidationFailure {
        var error = WireError(.validation, "Invalid message")
        error.errors = failure.errors
        throw error
    } catch {
        throw WireError(.invalidJSON, "Invalid JSON: the message is not a JSON value.")
    }
}
