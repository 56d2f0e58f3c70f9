import Dispatch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A request to stop a server.
public enum ServerSignal: Sendable {
    /// SIGTERM: a normal end.
    case terminate
    /// Ctrl-C.
    case interrupt

    /// The requests from now on. A second signal ends the process at once with code 130.
    ///
    /// - Parameter orEndOfInput: whether the end of standard input counts as SIGTERM.
    public static func requests(orEndOfInput: Bool = false) -> AsyncStream<ServerSignal> {
        let (stream, continuation) = AsyncStream.makeStream(of: ServerSignal.self)
        if orEndOfInput {
            DispatchQueue(label: "standard input").async {
                var byte: UInt8 = 0
                while read(STDIN_FILENO, &byte, 1) > 0 {}
                continuation.yield(.terminate)
            }
        }
        SignalPipe.watch([SIGTERM, SIGINT]) { number, count in
            if count > 1 { _exit(130) }
            continuation.yield(number == SIGTERM ? .terminate : .interrupt)
        }
        return stream
    }
}

/// Signals as bytes of a pipe, so that none is lost, however early it comes.
enum SignalPipe {
    /// The end that signals are written to; -1 before there is one.
    nonisolated(unsafe) private static var output: CInt = -1

    /// Calls `body` with each signal and how many have come, on a thread of its own, until the process ends.
    static func watch(_ numbers: [CInt], _ body: @escaping @Sendable (_ number: CInt, _ count: Int) -> Void) {
        var ends: [CInt] = [-1, -1]
        guard output < 0, pipe(&ends) == 0 else { return }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let input = ends[0]
        output = ends[1]
        DispatchQueue(label: "signals").async {
            var byte: UInt8 = 0
            var count = 0
            while true {
                guard read(input, &byte, 1) == 1 else {
                    if errno == EINTR { continue }
                    return
                }
                count += 1
                body(CInt(byte), count)
            }
        }
        for number in numbers {
            signal(number) { number in
                let before = errno
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(SignalPipe.output, &byte, 1)
                errno = before
            }
        }
    }
}
