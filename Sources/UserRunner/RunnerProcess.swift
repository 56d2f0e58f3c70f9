import Dispatch
import FoundationEssentials
import PythonSandbox
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

/// One warm runner and the line to it. One job at a time.
///
/// A message is its length, four bytes with the highest first, and JSON.
final class RunnerProcess: Sendable {
    /// Why an exchange brought no answer, with what the process wrote on standard error.
    struct Failure: Error {
        var reason: String
    }

    private let line: Line
    private let complaints: Line
    private let queue = DispatchQueue(label: "coe.runner")
    private let process: Task<Void, Never>
    private let writing = Mutex(())

    /// Starts the process; the first exchange is the start message.
    init(executable: String, arguments: [String], environment: [String: String]) throws(Failure) {
        var ends: [CInt] = [-1, -1]
        var pipes: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0, pipe(&pipes) == 0 else {
            throw Failure(reason: "no descriptors are left (error \(errno))")
        }
        for end in ends + pipes { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(pipes[0], F_SETFL, O_NONBLOCK)
        let line = Line(descriptor: ends[0])
        self.line = line
        complaints = Line(descriptor: pipes[0])
        let theirs = FileDescriptor(rawValue: ends[1])
        let errors = FileDescriptor(rawValue: pipes[1])
        let variables = Dictionary(
            uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0.key), $0.value) })
        process = Task.detached {
            _ = try? await Subprocess.run(
                executable.contains("/") ? .path(FilePath(executable)) : .name(executable),
                arguments: Arguments(arguments), environment: .custom(variables), workingDirectory: "/",
                platformOptions: .ownGroup, input: .fileDescriptor(theirs, closeAfterSpawningProcess: true),
                output: .discarded, error: .fileDescriptor(errors, closeAfterSpawningProcess: true)
            ) { execution in
                await execution.processIdentifier.ended()
                line.hangUp()
            }
            line.hangUp()
        }
    }

    /// Sends a message and waits for the answer, off the cooperative threads. A task that is cancelled asks the runner to
    /// stop the job, whose answer then says so.
    func exchange(_ message: Data, seconds: Double) async throws(Failure) -> Data {
        /// What was sent, so that no cancellation goes before its message.
        let progress = Mutex((isSent: false, isCancelled: false))
        let result: Result<Data, Failure> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                queue.async { [self] in
                    continuation.resume(
                        returning: Result { () throws(Failure) in
                            let isCancelled = progress.withLock { progress in
                                progress.isSent = true
                                return progress.isCancelled
                            }
                            try send(message)
                            if isCancelled { try send(Self.cancellation) }
                            return try receive(until: .now + .seconds(seconds))
                        })
                }
            }
        } onCancel: {
            let isSent = progress.withLock { progress in
                progress.isCancelled = true
                return progress.isSent
            }
            if isSent { try? send(Self.cancellation) }
        }
        return try result.get()
    }

    private static let cancellation = Data(#"{"cancel":true}"#.utf8)

    private func send(_ message: Data) throws(Failure) {
        var head = UInt32(message.count).bigEndian
        let frame = withUnsafeBytes(of: &head) { Data($0) } + message
        let sent = writing.withLock { _ -> Bool in
            var sent = 0
            while sent < frame.count {
                let count = frame.withUnsafeBytes {
                    Self.systemSend(line.descriptor, $0.baseAddress! + sent, $0.count - sent)
                }
                if count < 0 {
                    if errno == EINTR { continue }
                    return false
                }
                sent += count
            }
            return true
        }
        if !sent { throw failure("its line is closed") }
    }

    private static func systemSend(_ descriptor: CInt, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
        #if canImport(Darwin)
            Darwin.send(descriptor, bytes, count, 0)
        #else
            #if canImport(Glibc)
                Glibc.send(descriptor, bytes, count, CInt(MSG_NOSIGNAL))
            #else
                Musl.send(descriptor, bytes, count, CInt(MSG_NOSIGNAL))
            #endif
        #endif
    }

    private func receive(until deadline: ContinuousClock.Instant) throws(Failure) -> Data {
        let size = try read(4, until: deadline).reduce(0) { $0 << 8 | Int($1) }
        guard size <= 256 << 20 else { throw failure("an answer of \(size) bytes") }
        return try read(size, until: deadline)
    }

    private func read(_ size: Int, until deadline: ContinuousClock.Instant) throws(Failure) -> Data {
        var data = Data()
        while data.count < size {
            var entry = pollfd(fd: line.descriptor, events: Int16(POLLIN), revents: 0)
            let left = ContinuousClock.now.duration(to: deadline) / .milliseconds(1)
            guard left > 0 else { throw failure("it gives no answer") }
            guard poll(&entry, 1, CInt(min(left.rounded(.up), 60_000))) > 0 else { continue }
            // The size is the runner's word: memory is taken as the bytes come.
            let filled = data.count
            data.count = min(size, filled + 1 << 20)
            let count = data.withUnsafeMutableBytes {
                recv(line.descriptor, $0.baseAddress! + filled, $0.count - filled, 0)
            }
            let error = errno
            data.count = filled + max(0, count)
            if count < 0, error == EINTR || error == EAGAIN { continue }
            if count <= 0 { throw failure("it ended") }
        }
        return data
    }

    private func failure(_ reason: String) -> Failure {
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        #if canImport(Glibc)
            let count = Glibc.read(complaints.descriptor, &buffer, buffer.count)
        #elseif canImport(Musl)
            let count = Musl.read(complaints.descriptor, &buffer, buffer.count)
        #else
            let count = Darwin.read(complaints.descriptor, &buffer, buffer.count)
        #endif
        let text = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        guard let last = text.split(whereSeparator: \.isNewline).last(where: { !$0.allSatisfy(\.isWhitespace) }) else {
            return Failure(reason: reason)
        }
        return Failure(reason: "\(reason): \(last)")
    }

    /// Ends the process and everything that it started.
    func close() {
        line.hangUp()
        process.cancel()
    }

    /// Waits until the process has ended.
    func ended() async { await process.value }

    deinit { close() }
}
