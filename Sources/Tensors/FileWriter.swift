#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Writes a file that appears whole, and on the disk, or not at all.
final class FileWriter {
    private let path: String
    private let partial: String
    private var descriptor: Int32

    /// Begins a new file that takes the place of the one at `path`, if there is one.
    init(replacing path: String) throws {
        self.path = path
        partial = path + ".partial"
        descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        if descriptor < 0 { throw failure() }
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        unlink(partial)
    }

    func write(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                #if canImport(Darwin)
                    let written = Darwin.write(
                        descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                #elseif canImport(Musl)
                    let written = Musl.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                #else
                    let written = Glibc.write(
                        descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                #endif
                if written < 0 && errno == EINTR { continue }
                if written < 0 { throw failure() }
                rest = rest.dropFirst(written)
            }
        }
    }

    /// Makes the file appear at its path.
    func finish() throws {
        guard fsync(descriptor) == 0, rename(partial, path) == 0 else { throw failure() }
        close(descriptor)
        descriptor = -1
    }

    private func failure() -> TensorError {
        TensorError(.fileNotWritable, "\(path) cannot be written: \(String(cString: strerror(errno))).")
    }
}
