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

    /// Waits for the first signal. A second one ends the process at once with code 130.
    ///
    /// - Parameter orEndOfInput: whether the end of standard input counts as SIGTERM.
    public static func first(orEndOfInput: Bool = false) async -> ServerSignal {
        let (stream, continuation) = AsyncStream.makeStream(of: ServerSignal.self)
        if orEndOfInput {
            DispatchQueue(label: "standard input").async {
                var byte: UInt8 = 0
                while read(STDIN_FILENO, &byte, 1) > 0 {}
                continuation.yield(.terminate)
            }
        }
        var sources: [any DispatchSourceSignal] = []
        for (number, kind) in [(SIGTERM, ServerSignal.terminate), (SIGINT, .interrupt)] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            nonisolated(unsafe) var count = 0
            source.setEventHandler {
                count += 1
                if count > 1 { _exit(130) }
                continuation.yield(kind)
            }
            source.resume()
            sources.append(source)
        }
        var kind = ServerSignal.terminate
        for await first in stream {
            kind = first
            break
        }
        // The sources wait for a second signal until the process ends.
        held.append(contentsOf: sources)
        return kind
    }

    nonisolated(unsafe) private static var held: [any DispatchSourceSignal] = []
}
