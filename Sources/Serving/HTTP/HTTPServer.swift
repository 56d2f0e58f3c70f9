import Foundation
public import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A small HTTP/1.1 and WebSocket server.
///
/// It stands on SwiftNIO itself. Channel handlers decide what matters here: the memory of idle connections, half-open
/// sockets, limits before anything is read. A dozen routes need no framework.
public final class HTTPServer: Sendable {
    private let service: any HTTPService
    private let listener: any Channel
    private let connections: Connections
    /// The port, chosen by the system when 0 was asked for.
    public let port: Int

    /// The open connections.
    private final class Connections: Sendable {
        private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])

        /// False when there are too many.
        func add(_ channel: any Channel, limit: Int) -> Bool {
            let id = ObjectIdentifier(channel)
            let isAdded = channels.withLock {
                if $0.count >= limit { return false }
                $0[id] = channel
                return true
            }
            if isAdded {
                channel.closeFuture.whenComplete { _ in self.channels.withLock { _ = $0.removeValue(forKey: id) } }
            }
            return isAdded
        }

        /// Requests that are being answered.
        let calls = RunningCalls()
        var count: Int { channels.withLock { $0.count } }
        var all: [any Channel] { channels.withLock { Array($0.values) } }
    }

    /// Binds and begins to answer. Raises this process's limit of open files, because every connection is one.
    ///
    /// - Parameter logger: gets each request at level `info`, at level `error` where the server failed.
    /// - Throws: ``ServingError`` with `address` when nothing can listen there.
    public init(
        _ service: any HTTPService, host: String = "127.0.0.1", port: Int, access: AccessRules,
        limits: ServerLimits = ServerLimits(),
        logger: Logger = Logger(label: "serve") { _ in SwiftLogNoOpLogHandler() }
    ) async throws(ServingError) {
        self.service = service
        Self.raiseFileLimit()
        let connections = Connections()
        self.connections = connections
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // A client that closes its side still gets its answer.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                guard connections.add(channel, limit: limits.connections) else { return channel.close() }
                return channel.eventLoop.makeCompletedFuture {
                    try Self.configure(channel, service, access, limits, RequestLog(logger), connections.calls)
                }
            }
        do {
            listener = try await bootstrap.bind(host: host, port: port).get()
        } catch {
            throw ServingError(.address, "Nothing can listen on \(host):\(port): \(error).")
        }
        self.port = listener.localAddress?.port ?? port
    }

    static func configure(
        _ channel: any Channel, _ service: any HTTPService, _ access: AccessRules, _ limits: ServerLimits,
        _ log: RequestLog, _ calls: RunningCalls
    ) throws {
        let handler = HTTPConnection(service: service, limits: limits, access: access, log: log, calls: calls)
        let bound = NIOLoopBound(handler, eventLoop: channel.eventLoop)
        let upgrader = NIOWebSocketServerUpgrader(
            maxFrameSize: limits.bodyBytes,
            shouldUpgrade: { channel, head in
                // A refused upgrade goes on as a plain request, and is answered as such.
                let path = String(head.uri.prefix { $0 != "?" })
                let isWelcome = service.offersWebSocket(path) && access.refusal(head) == nil
                bound.value.isUpgrading = isWelcome
                return channel.eventLoop.makeSucceededFuture(isWelcome ? HTTPHeaders() : nil)
            },
            upgradePipelineHandler: { channel, head in
                channel.eventLoop.makeCompletedFuture {
                    let request = HTTPRequest(head: head, body: Data(), client: channel.remoteAddress?.ipAddress ?? "")
                    let pipeline = channel.pipeline.syncOperations
                    log.note(request, status: .switchingProtocols, since: .now)
                    try pipeline.addHandler(MaskCheck())
                    try pipeline.addHandler(
                        NIOWebSocketFrameAggregator(
                            minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 1024,
                            maxAccumulatedFrameSize: limits.bodyBytes))
                    try pipeline.addHandler(
                        WebSocketConnection(service: service, limits: limits, calls: calls, request: request))
                }
            })
        let pipeline = channel.pipeline.syncOperations
        try pipeline.configureHTTPServerPipeline(
            withServerUpgrade: (
                upgraders: [upgrader],
                completionHandler: { context in
                    context.pipeline.syncOperations.removeHandler(bound.value, promise: nil)
                }
            ),
            // The connection answers broken requests itself: it knows whether an answer is on its way.
            withErrorHandling: false)
        try pipeline.addHandler(handler)
    }

    /// The open connections.
    public var connectionCount: Int { connections.count }

    /// Stops listening, waits at most `seconds` for running calls and episodes to end, and closes.
    public func shutdown(drainSeconds seconds: Double = 0) async {
        try? await listener.close()
        if seconds > 0 {
            let (service, calls) = (service, connections.calls)
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    await service.drain()
                    while calls.count > 0, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(20)) }
                }
                group.addTask { try? await Task.sleep(for: .seconds(seconds)) }
                await group.next()
                group.cancelAll()
            }
        }
        for channel in connections.all { channel.close(promise: nil) }
        while connections.count > 0 { try? await Task.sleep(for: .milliseconds(5)) }
    }

    /// Raises the limit of open files to what this process may have; every connection is one.
    public static func raiseFileLimit() {
        var limit = rlimit()
        #if canImport(Glibc)
            let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let kind = RLIMIT_NOFILE
        #endif
        guard getrlimit(kind, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(kind, &limit)
    }
}
