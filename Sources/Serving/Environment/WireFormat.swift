import StatefulTools

/// How an episode begins. Fields that the environment does not know are no fault, as in OpenEnv's reference.
struct ResetRequest: Decodable, Sendable {
    /// Chooses the task and its faults; random when not given.
    var seed: UInt64?
    var episodeID: String?
    /// A task of the server's set.
    var taskID: String?
    /// A whole task.
    var task: GivenTask?
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
        task = try fields.optional("task", GivenTask.self, "task")
        if task != nil && taskID != nil {
            throw ValidationFailure(
                "conflict", at: fields.path + ["task"], "Give either a task or a task_id, not both")
        }
    }
}

/// A task that a client gives, as a line of a task file. Without `tool` it is for the server's own tool.
struct GivenTask: Decodable, Sendable {
    var task: ToolTask
    var namesTool: Bool

    init(from decoder: any Decoder) throws {
        let fields = try Fields(decoder, at: ["task"])
        do {
            task = try ToolTask(from: decoder)
        } catch {
            throw ValidationFailure("value_error", at: ["task"], ToolTaskError.sentence(error))
        }
        namesTool = fields.container.contains(AnyKey(stringValue: "tool"))
    }
}

/// One command of the player, as the model writes it.
struct EnvironmentAction: Sendable {
    var command: String

    init(command: String) { self.command = command }

    /// Takes `{"command": …}`, and the call of `run_command` that OpenEnv's MCP client sends as a step.
    init(_ fields: Fields) throws {
        if try fields.optional("type", String.self, "string") == "call_tool" {
            guard try fields.required("tool_name", String.self, "string") == "run_command" else {
                throw ValidationFailure(
                    "literal_error", at: fields.path + ["tool_name"], "A step is a call of run_command")
            }
            guard let arguments = try fields.object("arguments") else {
                throw ValidationFailure("missing", at: fields.path + ["arguments"], "Field required")
            }
            try fields.refuse(otherThan: ["type", "tool_name", "arguments", "metadata"])
            command = try arguments.required("command", String.self, "string")
            try arguments.refuse(otherThan: ["command"])
        } else {
            command = try fields.required("command", String.self, "string")
            _ = try fields.object("metadata")
            try fields.refuse(otherThan: ["command", "metadata"])
        }
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
    /// The tool's state as text.
    var state: String
    /// What the tool says about the state.
    var feedback: String
    /// Why the command could not be read or carried out, or that it changed nothing.
    var error: String?
    /// Whether the state passes what the player is shown.
    var passed: Bool
    /// Whether the state also passes what is hidden; null until the episode is over.
    var solved: Bool?
    /// From 0 to 1: how near the goal is.
    var progress: Double
    /// The checks that pass, such as tests, and all of them; 0 of 0 where there are none.
    var checksPassed: Int
    var checksTotal: Int
    var turn: Int
    var turnsLeft: Int
    /// How the episode ended; null while it runs.
    var exit: EpisodeExit?
    /// The sum of the rewards so far.
    var totalReward: Double
    var taskID: String
    var episodeID: String
    /// The name of the tool.
    var tool: String
    var metadata: [String: String] = [:]

    private enum CodingKeys: String, CodingKey {
        case messages, state, feedback, error, passed, solved, progress, checksPassed, checksTotal, turn, turnsLeft
        case exit, totalReward, tool, metadata
        case taskID = "taskId"
        case episodeID = "episodeId"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(messages, forKey: .messages)
        try container.encode(state, forKey: .state)
        try container.encode(feedback, forKey: .feedback)
        // Null, not absent: a client finds every field of the schema.
        try container.encode(error, forKey: .error)
        try container.encode(passed, forKey: .passed)
        try container.encode(solved, forKey: .solved)
        try container.encode(progress, forKey: .progress)
        try container.encode(checksPassed, forKey: .checksPassed)
        try container.encode(checksTotal, forKey: .checksTotal)
        try container.encode(turn, forKey: .turn)
        try container.encode(turnsLeft, forKey: .turnsLeft)
        try container.encode(exit, forKey: .exit)
        try container.encode(totalReward, forKey: .totalReward)
        try container.encode(taskID, forKey: .taskID)
        try container.encode(episodeID, forKey: .episodeID)
        try container.encode(tool, forKey: .tool)
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
