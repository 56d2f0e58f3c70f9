import Foundation

/// The messages of one WebSocket.
struct EnvironmentConversation: WebSocketConversation {
    let server: EnvironmentServer
    /// Nil where the WebSocket is refused.
    let session: EnvironmentSession?
    let refusal: WireError?
    /// Whether messages are bare JSON-RPC, as on `/mcp`.
    let speaksMCP: Bool

    func greeting() async -> WebSocketReply {
        // 1013: try again later.
        refusal.map { WebSocketReply(message: EnvironmentServer.message($0), close: 1013) } ?? WebSocketReply()
    }

    func answer(_ message: String) async -> WebSocketReply {
        guard let session else { return WebSocketReply(close: 1013) }
        let data = Data(message.utf8)
        if speaksMCP {
            let response = await server.answerMCP(data, session: session)
            return response.map { .message($0) } ?? WebSocketReply()
        }
        do {
            switch try decodeRequest(IncomingMessage.self, data) {
            case .reset(let request):
                if server.registry.isDraining { throw WireError(.session, "The server is shutting down.") }
                return .message(OutgoingMessage(type: "observation", data: try await session.reset(request)))
            case .step(let action):
                return .message(OutgoingMessage(type: "observation", data: try await session.step(action)))
            case .state:
                return .message(OutgoingMessage(type: "state", data: await session.state))
            case .mcp(let request):
                let response = await server.answer(request, session: session)
                return .message(OutgoingMessage(type: "mcp", data: response))
            case .close:
                return WebSocketReply(close: 1000)
            case .unknown(let type):
                throw WireError(
                    .unknownType,
                    "Unknown message type: \(type.prefix(80)). Known are reset, step, state, mcp and close.")
            }
        } catch {
            let error = error as? WireError ?? WireError(.session, "The server failed.")
            server.environment.metrics.count("coe_errors_total", ["code": error.code.rawValue])
            return .message(OutgoingMessage(type: "error", data: error))
        }
    }

    func end() async {
        if let session { server.registry.detach(session.id) }
    }
}
