internal import Crypto
public import Foundation

/// Digests of files, by swift-crypto.
public enum FileDigest {
    /// The SHA-256 of a file in hexadecimal; the file is read as a stream.
    ///
    /// - Throws: what the file system says where the file can't be read.
    public static func sha256(of file: URL) throws -> String {
        let handle = try FileHandle(forReadingFrom: file)
        defer { try? handle.close() }
        var hash = SHA256()
        while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty { hash.update(data: piece) }
        return hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
