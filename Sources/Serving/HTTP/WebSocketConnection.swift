import NIOCore
import NIOHTTP1
import NIOWebSocket

/// A WebSocket seen from its service: it can be closed from outside.
public struct WebSocketHandle: Sendable {
    let channel: any Channel

    /// Sends `message` and closes with `code`, after the answer that the client waits for.
    public func close(_ code: UInt16, message: String? = nil) {
        let channel = channel
        channel.eventLoop.execute {
            channel.pipeline.fireUserInboundEventTriggered(Farewell(code: code, message: message))
        }
    }
}

/// The service's last word to a WebSocket.
private struct Farewell {
    var code: UInt16
    var message: String?
}

extension WebSocketFrame {
    fileprivate static func close(_ code: UInt16) -> WebSocketFrame {
        var data = ByteBuffer()
        data.writeInteger(code)
        return WebSocketFrame(fin: true, opcode: .connectionClose, data: data)
    }
}

/// Passes on masked frames alone: a client must mask all of its frames (RFC 6455, 5.1).
final class MaskCheck: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias InboundOut = WebSocketFrame

    struct Unmasked: Error {}

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if unwrapInboundIn(data).maskKey == nil { return context.fireErrorCaught(Unmasked()) }
        context.fireChannelRead(data)
    }
}

/// Carries one conversation over one WebSocket: messages in order, pings answered, silence noticed.
final class WebSocketConnection: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    /// Sends one pong at a time: the next one answers the latest ping alone (RFC 6455, 5.5.3).
    private struct Pongs {
        var isSending = false
        /// What the next pong repeats.
        var next: ByteBuffer?
        /// Pings since the client took the last pong.
        var pings = 0
        /// A client that sends more and reads nothing is cut off.
        static let limit = 1024
    }

    private let service: any HTTPService
    private let limits: ServerLimits
    private let calls: RunningCalls
    private var request: HTTPRequest?
    private var conversation: (any WebSocketConversation)?
    private var waiting: [String] = []
    private var waitingBytes = 0
    /// Runs while a message is answered, or the conversation begins.
    private var work: Task<Void, Never>?
    private var isClosing = false
    /// Waits for the answer that is on its way.
    private var farewell: Farewell?
    private var lastHeard = NIODeadline.now()
    private var isPinged = false
    private var pongs = Pongs()
    private var heartbeat: RepeatedTask?

    init(service: any HTTPService, limits: ServerLimits, calls: RunningCalls, request: HTTPRequest) {
        self.service = service
        self.limits = limits
        self.calls = calls
        self.request = request
    }

    func handlerAdded(context: ChannelHandlerContext) {
        lastHeard = .now()
        let interval = TimeAmount.seconds(limits.heartbeatSeconds)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        heartbeat = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            let (handler, context) = bound.value
            handler.beat(context)
        }
        begin(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        heartbeat?.cancel()
        work?.cancel()
        isClosing = true
        waiting = []
        // Where a message is being answered, its task ends the conversation.
        if work == nil, let conversation { Task { await conversation.end() } }
        conversation = work == nil ? nil : conversation
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A WebSocket ends for both sides at once.
        if case ChannelEvent.inputClosed = event { return context.close(promise: nil) }
        if let farewell = event as? Farewell {
            if work == nil { return part(context, farewell) }
            self.farewell = farewell
            return
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let code: UInt16 =
            switch error {
            case NIOWebSocketError.invalidFrameLength: 1009
            case is NIOWebSocketFrameAggregator.Error: 1009
            default: 1002
            }
        close(context, code)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        lastHeard = .now()
        isPinged = false
        let frame = unwrapInboundIn(data)
        guard !isClosing || frame.opcode == .connectionClose else { return }
        // No extension was agreed on that would give these bits a meaning.
        if frame.rsv1 || frame.rsv2 || frame.rsv3 { return close(context, 1002) }
        switch frame.opcode {
        case .text:
            var data = frame.unmaskedData
            guard let text = String(validating: data.readableBytesView, as: UTF8.self) else {
                return close(context, 1007)
            }
            data.clear()
            waitingBytes += text.utf8.count
            // A client that never waits for an answer would fill the memory.
            if waiting.count >= limits.waitingMessages || (!waiting.isEmpty && waitingBytes > 2 * limits.bodyBytes) {
                return close(context, 1008)
            }
            waiting.append(text)
            next(context)
        case .binary:
            close(context, 1003)
        case .ping:
            pongs.next = frame.unmaskedData
            pongs.pings += 1
            if pongs.pings > Pongs.limit { return close(context, 1008) }
            pong(context)
        case .connectionClose:
            if isClosing {
                context.close(promise: nil)
            } else {
                isClosing = true
                var data = frame.unmaskedData
                let code: UInt16 = data.readInteger() ?? 1000
                let promise = context.eventLoop.makePromise(of: Void.self)
                context.writeAndFlush(wrapOutboundOut(.close(code)), promise: promise)
                let channel = context.channel
                promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
            }
        case .pong:
            break
        default:
            close(context, 1002)
        }
    }

    private func pong(_ context: ChannelHandlerContext) {
        guard !pongs.isSending, let data = pongs.next else { return }
        pongs.next = nil
        pongs.isSending = true
        let sent = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        sent.futureResult.whenSuccess {
            let (handler, context) = bound.value
            handler.pongs.isSending = false
            handler.pongs.pings = handler.pongs.next == nil ? 0 : 1
            handler.pong(context)
        }
        context.writeAndFlush(wrapOutboundOut(WebSocketFrame(fin: true, opcode: .pong, data: data)), promise: sent)
    }

    /// Opens the conversation and sends its greeting.
    private func begin(_ context: ChannelHandlerContext) {
        guard let request else { return }
        self.request = nil
        let service = service
        let handle = WebSocketHandle(channel: context.channel)
        run(context) { _ in
            let conversation = await service.open(request, on: handle)
            return (conversation, await conversation.greeting())
        }
    }

    private func next(_ context: ChannelHandlerContext) {
        guard work == nil, !isClosing, !waiting.isEmpty else { return }
        let message = waiting.removeFirst()
        waitingBytes -= message.utf8.count
        run(context) { conversation in
            guard let conversation else { return (nil, WebSocketReply()) }
            return (conversation, await conversation.answer(message))
        }
    }

    /// Does one piece of the service's work, sends what it replies, and goes on with the next message.
    private func run(
        _ context: ChannelHandlerContext,
        _ body:
            @escaping @Sendable ((any WebSocketConversation)?) async -> (
                (any WebSocketConversation)?, WebSocketReply
            )
    ) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let (channel, limits, conversation) = (context.channel, limits, conversation)
        calls.begin()
        work = Task {
            let (conversation, reply) = await body(conversation)
            if let message = reply.message, channel.isActive {
                let frame = WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: message))
                try? await writeAndWait(frame, on: channel, limits)
            }
            channel.eventLoop.execute {
                let (handler, context) = bound.value
                handler.done(context, conversation, reply.close)
            }
        }
    }

    private func done(
        _ context: ChannelHandlerContext, _ conversation: (any WebSocketConversation)?, _ code: UInt16?
    ) {
        work = nil
        defer { calls.end() }
        self.conversation = conversation
        guard context.channel.isActive else {
            if let conversation { Task { await conversation.end() } }
            self.conversation = nil
            return
        }
        if let code { close(context, code) }
        if let farewell { part(context, farewell) }
        next(context)
    }

    private func part(_ context: ChannelHandlerContext, _ farewell: Farewell) {
        guard !isClosing else { return }
        if let message = farewell.message {
            let frame = WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: message))
            context.write(wrapOutboundOut(frame), promise: nil)
        }
        close(context, farewell.code)
    }

    private func close(_ context: ChannelHandlerContext, _ code: UInt16) {
        guard !isClosing else { return }
        isClosing = true
        context.writeAndFlush(wrapOutboundOut(.close(code)), promise: nil)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: .seconds(2)) { channel.close(promise: nil) }
    }

    private func beat(_ context: ChannelHandlerContext) {
        guard lastHeard + .seconds(limits.heartbeatSeconds) <= .now() else { return }
        if isPinged { return context.close(promise: nil) }
        isPinged = true
        context.writeAndFlush(
            wrapOutboundOut(WebSocketFrame(fin: true, opcode: .ping, data: ByteBuffer())), promise: nil)
    }
}
