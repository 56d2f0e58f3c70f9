package import Subprocess

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Our end of the line to a child process; closed when nobody holds it any more, so that its number is never another
/// file's.
package final class Line: Sendable {
    package let descriptor: CInt

    package init(descriptor: CInt) { self.descriptor = descriptor }

    package func hangUp() { _ = shutdown(descriptor, CInt(SHUT_RDWR)) }

    deinit {
        #if canImport(Glibc)
            _ = Glibc.close(descriptor)
        #elseif canImport(Musl)
            _ = Musl.close(descriptor)
        #else
            _ = Darwin.close(descriptor)
        #endif
    }
}

extension PlatformOptions {
    /// A process group of its own, which Ctrl-C on the terminal does not reach.
    package static var ownGroup: PlatformOptions {
        var options = PlatformOptions()
        options.processGroupID = 0
        return options
    }
}

extension ProcessIdentifier {
    /// Waits until the process has ended or the task is cancelled.
    package func ended() async {
        #if os(Linux)
            var entry = pollfd(fd: processDescriptor, events: Int16(POLLIN), revents: 0)
            while !Task.isCancelled, poll(&entry, 1, 0) == 0 { try? await Task.sleep(for: .milliseconds(50)) }
        #else
            while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
        #endif
    }
}
