public import Foundation

/// Holds a run's folder for one process. The system releases it when the process ends, however it ends.
public final class RunLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock of a folder, which must exist.
    ///
    /// - Throws: ``RunError`` with code `inUse` that names the process which has it, or `unwritable`.
    public init(folder: URL) throws {
        let path = folder.appending(path: ".lock").path(percentEncoded: false)
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw RunError(.unwritable, "\(path) can't be written: \(String(cString: strerror(errno))).")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            var bytes = [UInt8](repeating: 0, count: 32)
            let count = max(0, pread(descriptor, &bytes, bytes.count, 0))
            let holder = String(decoding: bytes[..<count].prefix { (0x30...0x39).contains($0) }, as: UTF8.self)
            throw RunError(
                .inUse,
                "\(folder.path(percentEncoded: false)) is in use by another coe"
                    + (holder.isEmpty ? "" : " (process \(holder))")
                    + ": wait until it ends, or give another --out.")
        }
        let holder = Array("\(ProcessInfo.processInfo.processIdentifier)\n".utf8)
        _ = ftruncate(descriptor, 0)
        _ = pwrite(descriptor, holder, holder.count, 0)
    }

    deinit { close(descriptor) }
}
