import Foundation
import NIOHTTP1
public import PythonSandbox
import StatefulTools

/// Chain-of-Edits as an environment for any framework that speaks OpenEnv: WebSocket, HTTP and MCP.
///
/// One WebSocket is one session. Over HTTP and MCP, `openenv/session/create` (or MCP's own `initialize`) makes a
/// session, and calls name it; `/ws?session_id=…` joins it. A call without one plays a fresh episode, as in OpenEnv's
/// reference server.
public final class EnvironmentServer: HTTPService {
    /// The environment's name in OpenEnv and MCP.
    public static let name = "chain-of-edits"
    /// The version of the environment's interface.
    public static let version = "1.0.0"

    let environment: EnvironmentSession.Environment
    let registry: SessionRegistry
    let documents: EnvironmentDocuments
    private let reaper: Task<Void, Never>

    /// A server of these tasks; the caller shuts the sandbox down.
    public init(tasks: EnvironmentTasks, sandbox: PythonSandbox, options: EnvironmentOptions = EnvironmentOptions()) {
        let registry = SessionRegistry(limit: options.sessions)
        let metrics = Metrics()
        environment = EnvironmentSession.Environment(
            tasks: tasks, options: options, sandbox: sandbox,
            // Whoever comes anew, be it another client or a session beside calls without one, finds a place free.
            queue: FairQueue(
                limit: options.concurrentJobs, clientLimit: max(1, options.concurrentJobs - 1),
                keyLimit: max(1, options.concurrentJobs - 2)),
            metrics: metrics)
        self.registry = registry
        documents = EnvironmentDocuments(tasks.tools)
        reaper = Task {
            let pause = Duration.seconds(min(30, max(0.05, options.idleSeconds / 4)))
            while (try? await Task.sleep(for: pause)) != nil {
                for entry in registry.all {
                    guard let idle = await entry.session.idleSeconds, idle > options.idleSeconds else { continue }
                    registry.remove(entry.session.id)
                    metrics.count("coe_sessions_reaped_total")
                    let error = WireError(.session, "The session was not used for \(Int(options.idleSeconds)) seconds.")
                    entry.socket?.close(1001, message: Self.message(error))
                }
            }
        }
    }

    deinit { reaper.cancel() }

    /// Sessions that are open.
    public var sessionCount: Int { registry.count }

    static func message(_ error: WireError) -> String {
        String(decoding: encoded(OutgoingMessage(type: "error", data: error)), as: UTF8.self)
    }

    /// Who calls, in the task that answers.
    @TaskLocal static var caller = ""

    /// A session of the caller.
    ///
    /// - Parameter isNamed: Whether further calls can name it; a call without a session shares its caller's turns.
    func makeSession(isNamed: Bool = true) -> EnvironmentSession {
        let id = randomID()
        let key = FairQueue.Key(client: Self.caller, session: isNamed ? id : "")
        return EnvironmentSession(id: id, key: key, environment: environment)
    }

    /// Lets no session begin, closes idle ones, and waits until all episodes and calls have ended.
    public func drain() async {
        registry.beginDraining()
        while !Task.isCancelled {
            var isPlaying = false
            for entry in registry.all {
                if await entry.session.isPlaying {
                    isPlaying = true
                } else if registry.remove(entry.session.id) {
                    entry.socket?.close(
                        1001, message: Self.message(WireError(.session, "The server is shutting down.")))
                }
            }
            if !isPlaying { return }
            try? await Task.sleep(for: .milliseconds(50))
        }
    }

    // MARK: - HTTP

    public func respond(to request: HTTPRequest) async -> HTTPResponse {
        let methods = Self.routes[request.path]
        let response: HTTPResponse
        if methods == nil {
            response = .fault(.notFound, "There is nothing at this path; see /openapi.json.")
        } else if methods?.contains(request.method) != true {
            var refused = HTTPResponse.fault(.methodNotAllowed, "This path does not take \(request.method.rawValue).")
            let allowed = (methods ?? []).map(\.rawValue).joined(separator: ", ")
            refused.headers.add(name: "allow", value: allowed)
            response = refused
        } else {
            response = await Self.$caller.withValue(request.caller) { await route(request) }
        }
        environment.metrics.count(
            "coe_http_requests_total",
            ["path": methods == nil ? "other" : request.path, "status": String(response.status.code)])
        return response
    }

    private static let routes: [String: [HTTPMethod]] = [
        "/": [.GET], "/health": [.GET], "/metadata": [.GET], "/schema": [.GET], "/openapi.json": [.GET],
        "/tasks": [.GET], "/metrics": [.GET], "/state": [.GET], "/reset": [.POST], "/step": [.POST],
        "/mcp": [.POST, .DELETE], "/ws": [.GET],
    ]

    private func route(_ request: HTTPRequest) async -> HTTPResponse {
        do {
            switch request.path {
            case "/health":
                if registry.isDraining { return .json(["status": "unhealthy"], status: .serviceUnavailable) }
                return .json(["status": "healthy"])
            case "/", "/metadata":
                return .json(metadata)
            case "/schema":
                return Self.json(documents.schemas)
            case "/openapi.json":
                return Self.json(Data(PackageResources.openapi_json))
            case "/tasks":
                return .json(["tasks": environment.tasks.tasks.map(\.id)])
            case "/metrics":
                return .text(metricsText, type: "text/plain; version=0.0.4; charset=utf-8")
            case "/reset":
                let body = request.body.isEmpty ? Data("{}".utf8) : request.body
                let reset = try decodeRequest(ResetRequest.self, body)
                return .json(try await session(reset.sessionID).reset(reset))
            case "/step":
                let step = try decodeRequest(StepRequest.self, request.body)
                let session = try session(step.sessionID)
                let deadline = Deadline(seconds: step.timeoutSeconds)
                // Without a session there is no episode yet; the seed makes it the same one for everybody.
                if step.sessionID == nil { _ = try await session.reset(ResetRequest(seed: 0), deadline: deadline) }
                return .json(try await session.step(step.action, deadline: deadline))
            case "/state":
                return .json(await (try session(request.query["session_id"])).state)
            case "/mcp":
                return await respondMCP(request)
            default:
                var response = HTTPResponse.fault(.upgradeRequired, "This path is for WebSockets.")
                response.headers.add(name: "upgrade", value: "websocket")
                return response
            }
        } catch {
            return fault(error)
        }
    }

    /// The session of this id, or a fresh one that nobody else sees.
    func session(_ id: String?) throws(WireError) -> EnvironmentSession {
        guard let id else { return makeSession(isNamed: false) }
        guard let session = registry.session(id) else { throw .noSession }
        return session
    }

    private func fault(_ error: any Error) -> HTTPResponse {
        guard let error = error as? WireError else { return .fault(.internalServerError, "The server failed.") }
        environment.metrics.count("coe_errors_total", ["code": error.code.rawValue])
        switch error.code {
        case .invalidJSON, .validation, .unknownType:
            let items =
                error.errors ?? [.init(type: "json_invalid", loc: ["body"], msg: error.message)]
            return .json(["detail": items], status: .unprocessableEntity)
        case .capacity, .factory: return .fault(.serviceUnavailable, error.message)
        case .session: return .fault(.notFound, error.message)
        case .execution: return .fault(error.isBusy ? .conflict : .badRequest, error.message)
        }
    }

    private static func json(_ data: Data) -> HTTPResponse {
        HTTPResponse(headers: ["content-type": "application/json"], body: .data(data))
    }

    private struct Metadata: Encodable {
        var name: String
        var description: String
        var readmeContent: String
        var version: String
        var author: String
        var documentationUrl: String?
    }

    private var metadata: Metadata {
        Metadata(
            name: Self.name, description: documents.summary, readmeContent: documents.readme, version: Self.version,
            author: "Chain-of-Edits", documentationUrl: nil)
    }

    private var metricsText: String {
        let load = environment.queue.load
        var gauges = [
            ("coe_sessions", registry.count), ("coe_sessions_max", registry.limit), ("coe_jobs_running", load.running),
            ("coe_jobs_waiting", load.waiting), ("coe_draining", registry.isDraining ? 1 : 0),
        ]
        if let bytes = Metrics.residentBytes { gauges.append(("process_resident_memory_bytes", bytes)) }
        return environment.metrics.text(gauges: gauges)
    }

    // MARK: - WebSocket

    public func offersWebSocket(_ path: String) -> Bool { path == "/ws" || path == "/mcp" }

    public func open(_ request: HTTPRequest, on socket: WebSocketHandle) async -> any WebSocketConversation {
        var session: EnvironmentSession?
        var refusal: WireError?
        do {
            if let id = request.query["session_id"] {
                session = try registry.attach(socket, to: id)
            } else {
                let made = Self.$caller.withValue(request.caller) { makeSession() }
                try registry.add(made, socket: socket)
                session = made
                environment.metrics.count("coe_sessions_total")
            }
        } catch {
            refusal = error
            environment.metrics.count("coe_sessions_refused_total")
        }
        return EnvironmentConversation(
            server: self, session: session, refusal: refusal, speaksMCP: request.path == "/mcp")
    }
}
