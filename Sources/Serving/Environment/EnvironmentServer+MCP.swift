import Foundation
import NIOHTTP1
import StatefulTools

/// MCP: the environment as tools, with sessions.
///
/// OpenEnv names the session in `params.session_id`; MCP's own clients get one from `initialize` and show it in the
/// header `Mcp-Session-Id`. Both work.
extension EnvironmentServer {
    private static let sessionHeader = "mcp-session-id"
    /// The versions of MCP whose calls are the same here, the newest first.
    private static let protocolVersions = ["2025-06-18", "2025-03-26", "2024-11-05"]

    /// The client's version where it is one of these, else the newest, as MCP asks for.
    private static func protocolVersion(for asked: String?) -> String {
        asked.flatMap { protocolVersions.contains($0) ? $0 : nil } ?? protocolVersions[0]
    }

    func respondMCP(_ request: HTTPRequest) async -> HTTPResponse {
        let named = request.headers.first(name: Self.sessionHeader)
        if request.method == .DELETE {
            guard let named, registry.close(named) != .unknown else {
                return .fault(.notFound, "There is no such session.")
            }
            return HTTPResponse(status: .noContent, body: .data(Data()))
        }
        if let named, registry.session(named) == nil { return .fault(.notFound, "There is no such session.") }
        let session = named.flatMap(registry.session)
        let rpc: RPCRequest
        do {
            rpc = try Self.decodeCall(request.body)
        } catch {
            return .json(RPCResponse(id: .null, error: error))
        }
        if rpc.method == "initialize", rpc.problem == nil, session == nil {
            switch createSession() {
            case .success(let created):
                return .json(
                    await answer(rpc, session: created), headers: [Self.sessionHeader: created.id])
            case .failure(let error):
                return .json(RPCResponse(id: rpc.id ?? .null, error: error))
            }
        }
        if rpc.id == nil, rpc.method?.hasPrefix("notifications/") == true {
            return HTTPResponse(status: .accepted, body: .data(Data()))
        }
        return .json(await answer(rpc, session: session))
    }

    private static func decodeCall(_ data: Data) throws(RPCError) -> RPCRequest {
        do {
            return try decodeRequest(RPCRequest.self, data)
        } catch {
            guard let fault = error.errors?.first else { throw RPCError(code: -32700, message: "Parse error") }
            // A batch is no call here, nor in the newest version of MCP.
            let place = fault.loc.isEmpty ? "the message" : fault.loc.joined(separator: ".")
            throw RPCError(code: -32600, message: "Invalid Request: \(place): \(fault.msg)")
        }
    }

    /// The answer over a WebSocket; nil for notifications.
    func answerMCP(_ data: Data, session: EnvironmentSession) async -> RPCResponse? {
        let rpc: RPCRequest
        do {
            rpc = try Self.decodeCall(data)
        } catch {
            return RPCResponse(id: .null, error: error)
        }
        if rpc.id == nil, rpc.method?.hasPrefix("notifications/") == true { return nil }
        return await answer(rpc, session: session)
    }

    /// - Parameter session: that of the WebSocket or the header; else the one in the parameters, or a fresh one.
    func answer(_ rpc: RPCRequest, session: EnvironmentSession?) async -> RPCResponse {
        let id = rpc.id ?? .null
        do {
            if let problem = rpc.problem { throw problem }
            return RPCResponse(id: id, result: try await result(rpc, session))
        } catch let error as RPCError {
            return RPCResponse(id: id, error: error)
        } catch let error as WireError {
            return RPCResponse(id: id, error: RPCError(code: -32602, message: error.message))
        } catch {
            return RPCResponse(id: id, error: RPCError(code: -32603, message: "Internal error"))
        }
    }

    private func result(_ rpc: RPCRequest, _ session: EnvironmentSession?) async throws -> RPCResult {
        if rpc.method == "openenv/session/close" { return .json(try close(rpc.params.sessionID)) }
        let session = try session ?? rpc.params.sessionID.map { try self.session($0) }
        switch rpc.method {
        case "initialize":
            return .json(
                .object([
                    "protocolVersion": .string(Self.protocolVersion(for: rpc.params.protocolVersion)),
                    "capabilities": .object(["tools": .object([:])]),
                    "serverInfo": .object(["name": .string(Self.name), "version": .string(Self.version)]),
                    "instructions": .string(documents.summary + " Begin with new_task, then use run_command."),
                ]))
        case "ping":
            return .json(.object([:]))
        case "tools/list":
            return .json(.object(["tools": documents.tools]))
        case "tools/call":
            return .tool(try await call(rpc.params, session ?? makeSession(isNamed: false)))
        case "openenv/session/create":
            if let session { return .json(.object(["session_id": .string(session.id)])) }
            return .json(.object(["session_id": .string(try createSession().get().id)]))
        default:
            throw RPCError(code: -32601, message: "Method not found")
        }
    }

    private func close(_ id: String?) throws(RPCError) -> JSONValue {
        guard let id else { throw RPCError(code: -32602, message: "Invalid params: session_id is required") }
        switch registry.close(id) {
        case .unknown: throw RPCError(code: -32602, message: "Unknown session_id")
        case .closed: return .object(["session_id": .string(id), "closed": .bool(true)])
        case .atDetach:
            return .object(["session_id": .string(id), "closed": .bool(false), "closing": .bool(true)])
        }
    }

    private func createSession() -> Result<EnvironmentSession, RPCError> {
        let session = makeSession()
        do {
            try registry.add(session, socket: nil)
            environment.metrics.count("coe_sessions_total")
            return .success(session)
        } catch {
            environment.metrics.count("coe_sessions_refused_total")
            var data: [String: Int]?
            if let active = error.activeSessions, let limit = error.maxSessions {
                data = ["active_sessions": active, "max_sessions": limit]
            }
            return .failure(RPCError(code: -32000, message: error.message, data: data))
        }
    }

    private func call(_ params: RPCRequest.Params, _ session: EnvironmentSession) async throws -> ToolResult {
        do {
            let result: StepResult
            switch params.name {
            case "new_task":
                var request = ResetRequest(seed: params.seed)
                request.taskID = params.taskID
                result = try await session.reset(request)
            case "run_command":
                guard let command = params.command else {
                    throw RPCError(code: -32602, message: "Invalid params: arguments.command: Field required")
                }
                result = try await session.step(EnvironmentAction(command: command))
            case "show_state":
                let observation = try await session.observe()
                result = StepResult(observation: observation, reward: nil, done: observation.exit != nil)
            default:
                throw RPCError(
                    code: -32602, message: "Unknown tool; there are new_task, run_command and show_state.")
            }
            return ToolResult(
                content: [.init(text: text(of: result))], structuredContent: result, isError: false)
        } catch let error as WireError {
            // A tool's fault is for the model to read.
            let text = error.message.replacing("send a reset", with: "call new_task")
            return ToolResult(content: [.init(text: text)], structuredContent: nil, isError: true)
        }
    }

    private func text(of result: StepResult) -> String {
        let observation = result.observation
        if let exit = observation.exit {
            let verdict = observation.passed ? "The state passes." : "The state does not pass."
            return "The episode is over (\(exit.rawValue)). \(verdict)"
        }
        let texts = observation.messages.map(\.content)
        return texts.isEmpty ? "\(observation.state)\n***\n\(observation.feedback)" : texts.joined(separator: "\n\n")
    }
}
