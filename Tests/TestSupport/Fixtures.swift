import Foundation

/// A file below Tests/Fixtures.
public func fixture(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures").appending(path: name).path(percentEncoded: false)
}

/// Runs `body` with the path of a temporary file that holds `bytes`.
@discardableResult
public func withTemporaryFile<Result>(_ bytes: [UInt8], _ body: (String) throws -> Result) throws -> Result {
    let url = FileManager.default.temporaryDirectory.appending(path: "coe-\(UUID().uuidString)")
    try Data(bytes).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    return try body(url.path(percentEncoded: false))
}

/// The path of a model's weights in the cache, nil where they were not fetched.
public func cachedModel(_ file: String) -> String? {
    let environment = ProcessInfo.processInfo.environment
    let home = environment["COE_HOME"] ?? "\(NSHomeDirectory())/.cache/coe"
    let path = "\(home)/models/\(file)"
    return FileManager.default.fileExists(atPath: path) ? path : nil
}
