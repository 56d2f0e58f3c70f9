import Foundation
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// Reads requests of one connection and writes their answers, one after the other.
final class HTTPConnection: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let service: any HTTPService
    private let limits: ServerLimits
    private let access: AccessRules
    private let log: RequestLog
    private let calls: RunningCalls
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()
    /// Whether a request was refused before its end; the connection drops the rest of it.
    private var isRefused = false
    private var work: Task<Void, Never>?
    /// The answers on their way: two, where a request had waited for the answer before it.
    private var answers = 0
    private var timer: Scheduled<Void>?
    /// The client has closed its side.
    private var isHalfClosed = false
    /// No request comes after the one that is being answered: its bytes are none.
    private var isBroken = false
    /// The connection becomes a WebSocket, on which no answer may be written.
    var isUpgrading = false

    init(
        service: any HTTPService, limits: ServerLimits, access: AccessRules, log: RequestLog, calls: RunningCalls
    ) {
        self.service = service
        self.limits = limits
        self.access = access
        self.log = log
        self.calls = calls
    }

    func handlerAdded(context: ChannelHandlerContext) {
        closeConnection(context, in: limits.requestSeconds)
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        work?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case is NIOWebSocketUpgradeError:
            // A refused WebSocket is still a request, and gets its answer.
            break
        // A refused connection closes when the client has had time to read why.
        case _ where isRefused:
            break
        case is HTTPParserError:
            // One answer a request, and the one that is on its way comes first.
            let isTooLong = error as? HTTPParserError == .headerOverflow
            if answers == 0 { refuse(context, isTooLong ? headTooLarge : noRequest) } else { isBroken = true }
        default:
            context.close(promise: nil)
        }
    }

    private var headTooLarge: HTTPResponse {
        .fault(.requestHeaderFieldsTooLarge, "The request's address or headers are too long; the connection is closed.")
    }

    private var noRequest: HTTPResponse {
        .fault(.badRequest, "These bytes are no HTTP/1.1 request; the connection is closed.")
    }

    /// A client that closes its side waits for its answer, or is gone; only a write tells which. So the connection
    /// closes when the answer does not begin soon.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed = event else { return context.fireUserInboundEventTriggered(event) }
        isHalfClosed = true
        if answers == 0 { return context.close(promise: nil) }
        closeConnection(context, in: limits.halfClosedSeconds)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        timer?.cancel()
        context.write(data, promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isRefused { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body.clear()
            if let refusal = access.refusal(head) { return refuse(context, refusal) }
            if let length = head.headers.first(name: "content-length").flatMap(Int.init), length > limits.bodyBytes {
                return refuse(context, tooLarge)
            }
            if head.version != .http1_0, head.headers.first(name: "expect")?.lowercased() == "100-continue" {
                context.writeAndFlush(
                    wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
            }
        case .body(var part):
            guard body.readableBytes + part.readableBytes <= limits.bodyBytes else {
                return refuse(context, tooLarge)
            }
            body.writeBuffer(&part)
        case .end:
            guard let head else { return }
            timer?.cancel()
            let request = HTTPRequest(
                head: head, body: Data(body.readableBytesView), client: context.remoteAddress?.ipAddress ?? "")
            self.head = nil
            // A large body's memory is not kept for the next request.
            body = ByteBuffer()
            answer(context, request, version: head.version, keepsAlive: head.isKeepAlive)
        }
    }

    private var tooLarge: HTTPResponse {
        .fault(.payloadTooLarge, "The request's body is larger than \(limits.bodyBytes) bytes.")
    }

    private func answer(
        _ context: ChannelHandlerContext, _ request: HTTPRequest, version: HTTPVersion, keepsAlive: Bool
    ) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let (channel, service, limits, log, calls) = (context.channel, service, limits, log, calls)
        let begin = ContinuousClock.now
        calls.begin()
        answers += 1
        work = Task {
            let response = await service.respond(to: request)
            var keepsAlive = keepsAlive
            // HTTP/1.0 knows no chunks: the end of the connection is the end of a streamed body.
            if case .stream = response.body, version == .http1_0 { keepsAlive = false }
            let isWhole = await send(
                response, to: request.method, on: channel, limits, version: version, keepsAlive: keepsAlive)
            log.note(request, status: response.status, since: begin)
            calls.end()
            let staysOpen = keepsAlive && isWhole
            channel.eventLoop.execute {
                let (handler, context) = bound.value
                handler.answered(context, staysOpen: staysOpen)
            }
        }
    }

    private func answered(_ context: ChannelHandlerContext, staysOpen: Bool) {
        answers -= 1
        if !staysOpen { return context.close(promise: nil) }
        if answers > 0 { return }
        if isBroken { return refuse(context, noRequest) }
        if isHalfClosed { return context.close(promise: nil) }
        closeConnection(context, in: limits.keepAliveSeconds)
    }

    /// Answers before the request is at its end. The client gets a second to read the answer before the connection
    /// closes.
    private func refuse(_ context: ChannelHandlerContext, _ response: HTTPResponse) {
        isRefused = true
        if isUpgrading { return context.channel.close(promise: nil) }
        log.note(refused: response.status, client: context.remoteAddress?.ipAddress ?? "")
        answers += 1
        timer?.cancel()
        let (channel, limits, method) = (context.channel, limits, head?.method ?? .GET)
        work = Task {
            _ = await send(response, to: method, on: channel, limits, version: .http1_1, keepsAlive: false)
            channel.close(mode: .output, promise: nil)
            channel.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
        }
    }

    private func closeConnection(_ context: ChannelHandlerContext, in seconds: Int64) {
        timer?.cancel()
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: .seconds(seconds)) { channel.close(promise: nil) }
    }
}

/// Sends a response, of which a HEAD gets the head alone; false when the client did not take all of it.
private func send(
    _ response: HTTPResponse, to method: HTTPMethod, on channel: any Channel, _ limits: ServerLimits,
    version: HTTPVersion, keepsAlive: Bool
) async -> Bool {
    var head = HTTPResponseHead(version: .http1_1, status: response.status, headers: response.headers)
    if !keepsAlive { head.headers.replaceOrAdd(name: "connection", value: "close") }
    head.headers.add(name: "cache-control", value: "no-store")
    head.headers.add(name: "x-content-type-options", value: "nosniff")
    do {
        switch response.body {
        case .data(let data):
            head.headers.replaceOrAdd(name: "content-length", value: String(data.count))
            channel.write(HTTPServerResponsePart.head(head), promise: nil)
            if method != .HEAD {
                channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: data))), promise: nil)
            }
        case .stream(let body):
            head.version = version
            let pending = PendingHead(head)
            do {
                try await body(ResponseWriter(channel: channel, limits: limits, head: pending))
            } catch let refusal as HTTPRefusal {
                guard pending.take() != nil else { return false }
                return await send(
                    refusal.response, to: method, on: channel, limits, version: version, keepsAlive: keepsAlive)
            }
            if let head = pending.take() { channel.write(HTTPServerResponsePart.head(head), promise: nil) }
        }
        try await writeAndWait(HTTPServerResponsePart.end(nil), on: channel, limits)
        return true
    } catch {
        return false
    }
}
