import Dispatch
import FoundationEssentials
import Subprocess
import Synchronization

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// One zygote and the line to its judge. One job at a time.
final class Worker: Sendable {
    /// Why an exchange brought no answer.
    enum Failure: Error {
        /// The worker's process has ended or spoke nonsense.
        case broken(String)
        /// No answer in time.
        case silent
    }

    private let descriptor: CInt
    private let queue = DispatchQueue(label: "coe.sandbox.worker")
    private let process: Task<Void, Never>
    private let processIdentifier: Mutex<CInt?>
    private let closed = Mutex(false)

    /// Starts the zygote and waits until its judge is ready.
    init(jail: Jail, start: WorkerStart) async throws {
        var ends: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0 else {
            throw Failure.broken("socketpair failed with error \(errno)")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        descriptor = ends[0]
        let theirs = FileDescriptor(rawValue: ends[1])
        let (executable, arguments) = jail.command()
        let environment = Dictionary(
            uniqueKeysWithValues: Jail.environment.map { (Environment.Key(stringLiteral: $0.key), $0.value) })
        let identifier = SharedIdentifier()
        process = Task.detached {
            _ = try? await Subprocess.run(
                Executable(named: executable),
                arguments: Arguments(arguments), environment: .custom(environment),
                input: .fileDescriptor(theirs, closeAfterSpawningProcess: true), output: .discarded, error: .discarded
            ) { execution in
                identifier.set(CInt(execution.processIdentifier.value))
                while !Task.isCancelled { try await Task.sleep(for: .seconds(3600)) }
            }
        }
        processIdentifier = Mutex(nil)
        do {
            let hello: Data = try await exchange(try JSONEncoder().encode(start), seconds: 20)
            guard (try? JSONDecoder().decode(Ready.self, from: hello))?.ready == true else {
                throw Failure.broken("unexpected greeting")
            }
        } catch {
            close()
            throw error
        }
        processIdentifier.withLock { $0 = identifier.value }
    }

    private struct Ready: Decodable { var ready: Bool }

    /// The process that a test may kill.
    var pid: CInt? { processIdentifier.withLock { $0 } }

    /// Sends a message and waits for the answer, off the cooperative threads.
    func exchange(_ message: Data, seconds: Double) async throws -> Data {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [self] in
                continuation.resume(with: Result { try blockingExchange(message, seconds: seconds) })
            }
        }
    }

    private func blockingExchange(_ message: Data, seconds: Double) throws -> Data {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var head = UInt32(message.count).bigEndian
        var frame = withUnsafeBytes(of: &head) { Data($0) }
        frame.append(message)
        var sent = 0
        while sent < frame.count {
            try wait(for: Int16(POLLOUT), until: deadline)
            let count = frame.withUnsafeBytes {
                send(descriptor, $0.baseAddress! + sent, $0.count - sent, CInt(MSG_NOSIGNAL))
            }
            if count < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                throw Failure.broken("the worker's line is closed")
            }
            sent += count
        }
        let size = try read(4, until: deadline).withUnsafeBytes {
            Int(UInt32(bigEndian: $0.loadUnaligned(as: UInt32.self)))
        }
        guard size <= 64 << 20 else { throw Failure.broken("an answer of \(size) bytes") }
        return try read(size, until: deadline)
    }

    private func read(_ size: Int, until deadline: ContinuousClock.Instant) throws -> Data {
        var data = Data(count: size)
        var filled = 0
        while filled < size {
            try wait(for: Int16(POLLIN), until: deadline)
            let count = data.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress! + filled, size - filled, 0) }
            if count < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                throw Failure.broken("the worker's line failed with error \(errno)")
            }
            if count == 0 { throw Failure.broken("the worker ended") }
            filled += count
        }
        return data
    }

    private func wait(for events: Int16, until deadline: ContinuousClock.Instant) throws {
        var entry = pollfd(fd: descriptor, events: events, revents: 0)
        while true {
            let left = ContinuousClock.now.duration(to: deadline) / .milliseconds(1)
            guard left > 0 else { throw Failure.silent }
            let ready = poll(&entry, 1, CInt(min(left.rounded(.up), 60_000)))
            if ready > 0 { return }
            if ready < 0 && errno != EINTR { throw Failure.broken("poll failed with error \(errno)") }
        }
    }

    /// Ends the worker with everything in it: the zygote leaves when its line closes, and its namespace with it.
    func close() {
        let first = closed.withLock { done in
            defer { done = true }
            return !done
        }
        guard first else { return }
        _ = shutdown(descriptor, CInt(SHUT_RDWR))
        process.cancel()
        queue.async { [descriptor] in closeDescriptor(descriptor) }
    }

    /// Waits until the worker's process has ended.
    func ended() async { await process.value }

    deinit { close() }
}

private func closeDescriptor(_ descriptor: CInt) {
    #if canImport(Glibc)
        _ = Glibc.close(descriptor)
    #elseif canImport(Musl)
        _ = Musl.close(descriptor)
    #else
        _ = Darwin.close(descriptor)
    #endif
}

private final class SharedIdentifier: Sendable {
    private let stored = Mutex<CInt?>(nil)
    var value: CInt? { stored.withLock { $0 } }
    func set(_ identifier: CInt) { stored.withLock { $0 = identifier } }
}

/// What the zygote is told at its start.
struct WorkerStart: Encodable, Sendable {
    /// The Python sources, in the order in which they are loaded.
    var sources: [[String]]
    /// The user number to change to; nil where a user namespace does that.
    var uid: UInt32?
    var folder: String
    var path: [String]
    var sitePackages: [String]
    /// Compiled seccomp programs, in base 64.
    var workerFilter: String?
    var programFilter: String?

    init(jail: Jail, filter: SystemCallFilter?) {
        let files: [(String, [UInt8])] = [
            ("peer", PackageResources.peer_py), ("program", PackageResources.program_py),
            ("judge", PackageResources.judge_py), ("suites", PackageResources.suites_py),
            ("zygote", PackageResources.zygote_py),
        ]
        sources = files.map { [$0, String(decoding: $1, as: UTF8.self)] }
        if case .ownUser(let number) = jail.identity { uid = number }
        workerFilter = filter.map { Data($0.worker).base64EncodedString() }
        programFilter = filter.map { Data($0.program).base64EncodedString() }
        folder = jail.folder
        path = jail.interpreter.path
        sitePackages = jail.sitePackages ? jail.interpreter.sitePackages : []
    }
}
