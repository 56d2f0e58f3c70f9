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

/// One zygote and the line to it. One job at a time.
final class Worker: Sendable {
    /// Why an exchange brought no answer.
    enum Failure: Error {
        /// The worker's process has ended or spoke nonsense.
        case broken(String)
        /// No answer in time.
        case silent
    }

    private let line: Line
    private var descriptor: CInt { line.descriptor }
    private let queue = DispatchQueue(label: "coe.sandbox.worker")
    private let process: Task<Void, Never>
    private let identifier = SharedIdentifier()
    private let closed = Mutex(false)
    private let used = Mutex((jobs: -1, bytes: 0))  // the greeting is none
    /// The kernel's limits on all processes of this worker, where they can be had.
    let group: ControlGroup?

    /// Starts the zygote and waits until it is ready.
    init(jail: Jail, start: WorkerStart) async throws {
        var ends: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0 else {
            throw Failure.broken("socketpair failed with error \(errno)")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let line = Line(descriptor: ends[0])
        self.line = line
        let theirs = FileDescriptor(rawValue: ends[1])
        let group =
            jail.usesControlGroup
            ? ControlGroup(
                name: "coe-sandbox-\(getpid())-\(ends[0])-\(UInt32.random(in: 0 ... .max))",
                memoryBytes: Jail.groupBytes) : nil
        self.group = group
        var (executable, arguments) = jail.command()
        if let group {
            // The first process enters the group before it becomes bubblewrap, so that all others are born in it.
            let enter = group.entrances.map { "echo $$ > '\($0)' &&" }.joined(separator: " ")
            (executable, arguments) = ("/bin/sh", ["-c", "\(enter) exec \"$@\"", "sh", executable] + arguments)
        }
        let environment = Dictionary(
            uniqueKeysWithValues: Jail.environment.map { (Environment.Key(stringLiteral: $0.key), $0.value) })
        let identifier = identifier
        process = Task.detached { [executable, arguments] in
            _ = try? await Subprocess.run(
                Executable(named: executable),
                arguments: Arguments(arguments), environment: .custom(environment),
                platformOptions: .ownGroup,
                input: .fileDescriptor(theirs, closeAfterSpawningProcess: true), output: .discarded, error: .discarded
            ) { execution in
                identifier.set(CInt(execution.processIdentifier.value))
                // When bubblewrap dies, the line is closed: the zygote leaves by that. (--die-with-parent does not reach a
                // zygote that has changed its user.)
                await execution.processIdentifier.ended()
                line.hangUp()
            }
            line.hangUp()
            group?.remove()
        }
        do {
            let hello: Data = try await exchange(try JSONEncoder().encode(start), seconds: 20)
            guard (try? JSONDecoder().decode(Ready.self, from: hello))?.ready == true else {
                throw Failure.broken("unexpected greeting")
            }
        } catch {
            close()
            throw error
        }
    }

    private struct Ready: Decodable { var ready: Bool }

    /// How much this worker has done; it is replaced before anything in it can have grown.
    var wear: (jobs: Int, bytes: Int) { used.withLock { $0 } }
    static let mostBytes = 1 << 30

    /// The process that a test may kill.
    var pid: CInt? { identifier.value }

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
        used.withLock { $0 = ($0.jobs + 1, $0.bytes + frame.count + size) }
        return try read(size, until: deadline)
    }

    private func read(_ size: Int, until deadline: ContinuousClock.Instant) throws -> Data {
        var data = Data()
        while data.count < size {
            try wait(for: Int16(POLLIN), until: deadline)
            // The size is the worker's word: memory is taken as the bytes come.
            let filled = data.count
            data.count = min(size, filled + 1 << 20)
            let count = data.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress! + filled, $0.count - filled, 0) }
            let error = errno
            data.count = filled + max(0, count)
            if count < 0 {
                if error == EINTR || error == EAGAIN { continue }
                throw Failure.broken("the worker's line failed with error \(error)")
            }
            if count == 0 { throw Failure.broken("the worker ended") }
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
        line.hangUp()
        process.cancel()
    }

    /// Waits until the worker's process has ended.
    func ended() async { await process.value }

    deinit { close() }
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
    var testsFilter: String?

    init(jail: Jail, filter: SystemCallFilter?) {
        let files: [(String, [UInt8])] = [
            ("wire", PackageResources.wire_py), ("program", PackageResources.program_py),
            ("things", PackageResources.things_py), ("tests", PackageResources.tests_py),
            ("asserts", PackageResources.asserts_py), ("suites", PackageResources.suites_py),
            ("judge", PackageResources.judge_py), ("zygote", PackageResources.zygote_py),
        ]
        sources = files.map { [$0, String(decoding: $1, as: UTF8.self)] }
        if case .ownUser(let number) = jail.identity { uid = number }
        workerFilter = filter.map { Data($0.worker).base64EncodedString() }
        programFilter = filter.map { Data($0.program).base64EncodedString() }
        testsFilter = filter.map { Data($0.tests).base64EncodedString() }
        folder = jail.folder
        path = jail.interpreter.path
        sitePackages = jail.sitePackages ? jail.interpreter.sitePackages : []
    }
}
