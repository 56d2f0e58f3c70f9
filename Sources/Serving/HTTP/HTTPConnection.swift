import Foundation
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// Reads requests of one connection and writes their answers, one after the other.
final class HTTPConnection: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let service: any HTTPService
    private let limits: ServerLimits
    private let access: AccessRules
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()
    /// The answer to a request that is refused before its end; the rest of it is dropped.
    private var isRefused = false
    private var work: Task<Void, Never>?
    private var timer: Scheduled<Void>?

    init(service: any HTTPService, limits: ServerLimits, access: AccessRules) {
        self.service = service
        self.limits = limits
        self.access = access
    }

    func handlerAdded(context: ChannelHandlerContext) { expectRequest(context, within: limits.requestSeconds) }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        work?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A refused WebSocket is still a request, and gets its answer.
        if error is NIOWebSocketUpgradeError { return }
        context.close(promise: nil)
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
            if head.headers.first(name: "expect")?.lowercased() == "100-continue" {
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
            answer(context, request, keepsAlive: head.isKeepAlive)
        }
    }

    private var tooLarge: HTTPResponse {
        .fault(.payloadTooLarge, "The request's body is larger than \(limits.bodyBytes) bytes.")
    }

    private func answer(_ context: ChannelHandlerContext, _ request: HTTPRequest, keepsAlive: Bool) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let (channel, service, limits) = (context.channel, service, limits)
        work = Task {
            let response = await service.respond(to: request)
            let isWhole = await write(response, on: channel, limits, keepsAlive: keepsAlive)
            channel.eventLoop.execute {
                let (handler, context) = bound.value
                handler.work = nil
                if keepsAlive && isWhole {
                    handler.expectRequest(context, within: limits.keepAliveSeconds)
                } else {
                    context.close(promise: nil)
                }
            }
        }
    }

    /// Answers before the request is at its end, and gives the client a moment to read that before the rest of its
    /// request is thrown back at it.
    private func refuse(_ context: ChannelHandlerContext, _ response: HTTPResponse) {
        isRefused = true
        timer?.cancel()
        let (channel, limits) = (context.channel, limits)
        work = Task {
            _ = await write(response, on: channel, limits, keepsAlive: false)
            channel.close(mode: .output, promise: nil)
            channel.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
        }
    }

    private func expectRequest(_ context: ChannelHandlerContext, within seconds: Int64) {
        timer?.cancel()
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: .seconds(seconds)) { channel.close(promise: nil) }
    }
}

/// False when the client has not got all of it.
private func write(
    _ response: HTTPResponse, on channel: any Channel, _ limits: ServerLimits, keepsAlive: Bool
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
            channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: data))), promise: nil)
        case .stream(let body):
            try await writeAndWait(HTTPServerResponsePart.head(head), on: channel, limits)
            try await body(ResponseWriter(channel: channel, limits: limits))
        }
        try await writeAndWait(HTTPServerResponsePart.end(nil), on: channel, limits)
        return true
    } catch {
        return false
    }
}
