#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

// Unchecked: the memory is read-only, and stays mapped as long as the object lives.
/// A file's bytes, mapped read-only into memory.
public final class MappedFile: @unchecked Sendable {
    /// The file's path.
    public let path: String
    /// The file's content.
    public let bytes: UnsafeRawBufferPointer

    /// Maps a regular file.
    ///
    /// - Throws: ``TensorError`` with `fileNotReadable`.
    public init(path: String) throws {
        func failure(_ what: String) -> TensorError {
            TensorError(.fileNotReadable, "\(path) \(what): \(String(cString: strerror(errno))).")
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("cannot be opened") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("cannot be examined") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw TensorError(.fileNotReadable, "\(path) is not a regular file.")
        }
        self.path = path
        let size = Int(status.st_size)
        guard size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
            throw failure("cannot be mapped into memory")
        }
        bytes = UnsafeRawBufferPointer(start: address, count: size)
        guard !bytes.starts(with: "version https://git-lfs.github.com/".utf8) else {
            throw TensorError(
                .malformedFile, "\(path) is a pointer of Git LFS, not the file itself: fetch that with git lfs pull.")
        }
    }

    /// Gives the memory of whole pages inside `range` back; the next access reads the file again.
    func forget(_ range: Range<Int>) {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let start = (range.lowerBound + page - 1) / page * page
        let end = range.upperBound / page * page
        guard start < end, let address = bytes.baseAddress else { return }
        _ = madvise(UnsafeMutableRawPointer(mutating: address + start), end - start, MADV_DONTNEED)
    }

    deinit {
        if let address = bytes.baseAddress {
            munmap(UnsafeMutableRawPointer(mutating: address), bytes.count)
        }
    }
}
