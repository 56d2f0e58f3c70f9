import Countdown
import Foundation
import NIOCore
import NIOEmbedded
import NIOHTTP1
import PythonSandbox
import StatefulTools

@testable import Serving

/// The environment server behind the server's own pipeline, on one thread: an input's work is over when it returns.
final class HTTPHarness {
    nonisolated(unsafe) static var shared: HTTPHarness!
    private let server: EnvironmentServer
    private let limits = ServerLimits(bodyBytes: 1 << 14, waitingMessages: 4)

    /// Starts while jobs still run on threads; the jail is never used, since Countdown judges itself.
    init() async throws {
        let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1, unsafeNoSandbox: true))
        let tasks = try await EnvironmentTasks([countdown], toolbox: Toolbox([Countdown.self]))
        let options = EnvironmentOptions(
            episode: EpisodeOptions(endsAtFirstPass: false, prompt: .compact), sessions: 4, idleSeconds: 1e6)
        server = EnvironmentServer(tasks: tasks, sandbox: sandbox, options: options)
    }

    /// Reads the bytes as they come from one client, in pieces whose size depends on the length.
    ///
    /// - Parameter path: of the WebSocket that the bytes are frames of; nil for requests.
    func receive(_ data: Data, after path: String? = nil) {
        Jobs.installed
        let channel = EmbeddedChannel()
        func settle() {
            repeat { channel.embeddedEventLoop.run() } while Jobs.runAll()
            while (try? channel.readOutbound(as: ByteBuffer.self)) != nil {}
        }
        func send(_ bytes: some Sequence<UInt8>) {
            try? channel.writeInbound(ByteBuffer(bytes: bytes))
            settle()
        }
        try! HTTPServer.configure(channel, server, AccessRules(host: "127.0.0.1", token: nil), limits, RunningCalls())
        _ = try! channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1))
        if let path {
            send(
                ("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n\r\n").utf8)
        }
        var rest = data[...]
        while !rest.isEmpty, channel.isActive {
            send(rest.prefix(1 + 37 * (data.count & 15)))
            rest = rest.dropFirst(1 + 37 * (data.count & 15))
        }
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        settle()
        channel.embeddedEventLoop.advanceTime(by: .seconds(200))
        settle()
        _ = try? channel.finish(acceptAlreadyClosed: true)
        settle()
        let registry = server.registry
        Task { for entry in registry.all { registry.remove(await entry.session.id) } }
        settle()
    }
}

/// Swift's jobs of this thread, run by hand. A job that sleeps runs when there is nothing else: no input waits. Those of
/// other threads, such as the idle worker's, stay there.
private enum Jobs {
    private typealias Enqueue = @convention(thin) (UnownedJob) -> Void
    private typealias EnqueueLater = @convention(thin) (UInt64, UnownedJob) -> Void
    private typealias EnqueueAt = @convention(thin) (Int64, Int64, Int64, Int64, CInt, UnownedJob) -> Void
    private typealias EnqueueHook = @convention(thin) (UnownedJob, Enqueue) -> Void
    private typealias LaterHook = @convention(thin) (UInt64, UnownedJob, EnqueueLater) -> Void
    private typealias AtHook = @convention(thin) (Int64, Int64, Int64, Int64, CInt, UnownedJob, EnqueueAt) -> Void

    nonisolated(unsafe) private static var thread = pthread_self()
    private static var isHere: Bool { pthread_equal(pthread_self(), thread) != 0 }
    nonisolated(unsafe) private static var ready: [UnownedJob] = []
    nonisolated(unsafe) private static var late: [UnownedJob] = []
    private static let executor = Executor()

    private final class Executor: SerialExecutor {
        func enqueue(_ job: UnownedJob) { Jobs.ready.append(job) }
    }

    static let installed: Void = {
        thread = pthread_self()
        func set<Hook>(_ name: String, _ hook: Hook) {
            dlsym(dlopen(nil, RTLD_NOW), name)!.assumingMemoryBound(to: Optional<Hook>.self).pointee = hook
        }
        let enqueue: EnqueueHook = { job, pass in if Jobs.isHere { Jobs.ready.append(job) } else { pass(job) } }
        let later: LaterHook = { delay, job, pass in
            if Jobs.isHere { Jobs.late.append(job) } else { pass(delay, job) }
        }
        let at: AtHook = { seconds, nanoseconds, tolerance, rest, clock, job, pass in
            if Jobs.isHere {
                Jobs.late.append(job)
            } else {
                pass(seconds, nanoseconds, tolerance, rest, clock, job)
            }
        }
        set("swift_task_enqueueGlobal_hook", enqueue)
        set("swift_task_enqueueGlobalWithDelay_hook", later)
        set("swift_task_enqueueGlobalWithDeadline_hook", at)
    }()

    /// Whether there was anything to run.
    static func runAll() -> Bool {
        if ready.isEmpty { swap(&ready, &late) }
        let jobs = ready
        ready = []
        for job in jobs { job.runSynchronously(on: executor.asUnownedSerialExecutor()) }
        return !jobs.isEmpty
    }
}
