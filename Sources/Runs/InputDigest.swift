public import Foundation

/// Tells whether the files that a run reads are still those that it began with.
///
/// A digest is 64 bits wide: it finds a change or damage, and is no protection against somebody who wants to hide one.
public struct InputDigest: Hashable, Sendable {
    private var value: UInt64 = 0xCBF2_9CE4_8422_2325

    public init() {}

    /// Adds bytes, eight at a time.
    public mutating func add(_ bytes: UnsafeRawBufferPointer) {
        var value = value
        var place = 0
        while place + 8 <= bytes.count {
            value = (value ^ bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)) &* 0x9E37_79B9_7F4A_7C15
            value ^= value &>> 29
            place += 8
        }
        var rest = UInt64(bytes.count)
        while place < bytes.count {
            rest = rest &<< 8 | UInt64(bytes[place])
            place += 1
        }
        value = (value ^ rest) &* 0x9E37_79B9_7F4A_7C15
        self.value = value ^ value &>> 32
    }

    /// The digest as 16 hexadecimal digits.
    public var text: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The digest of a file's content.
    public static func of(file: URL) throws -> String {
        var digest = InputDigest()
        let data = try Data(contentsOf: file, options: .mappedIfSafe)
        data.withUnsafeBytes { digest.add($0) }
        return digest.text
    }

    // MARK: - The inputs of a run

    /// A line `DIGEST PATH` for each file or folder among `paths` that exists; names of built-in sets have none.
    ///
    /// Of a folder the files count that decide what a model or an adapter computes.
    public static func lines(_ paths: [String]) throws -> [String] {
        try Set(paths).sorted().compactMap { path in
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return nil }
            let files = isFolder.boolValue ? try contents(of: path) : parts(of: path)
            var digest = InputDigest()
            for file in files.sorted() {
                let data = try Data(contentsOf: URL(filePath: file), options: .mappedIfSafe)
                data.withUnsafeBytes { digest.add($0) }
            }
            return "\(digest.text) \(path)"
        }
    }

    private static func contents(of folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder)
            .filter { name in ["safetensors", "json", "jsonl", "jinja", "gz"].contains { name.hasSuffix(".\($0)") } }
            .map { "\(folder)/\($0)" }
    }

    /// A file, and of a split GGUF model its other parts.
    private static func parts(of path: String) -> [String] {
        guard let place = path.ranges(of: "-00001-of-").last, let count = Int(path[place.upperBound...].prefix(5)),
            (2...9_999).contains(count)
        else { return [path] }
        return (1...count).map { number in
            let digits = String(number)
            return path.replacingCharacters(
                in: place, with: "-" + String(repeating: "0", count: 5 - digits.count) + digits + "-of-")
        }.filter { FileManager.default.fileExists(atPath: $0) }
    }

    /// The paths whose digests differ; none where one of the lists is missing, as in runs of an older coe.
    public static func changed(_ old: [String]?, _ new: [String]?) -> [String] {
        guard let old, let new else { return [] }
        func path(_ line: String) -> String { String(line.split(separator: " ", maxSplits: 1).last ?? "") }
        return Set(old).symmetricDifference(new).map(path).reduce(into: Set()) { $0.insert($1) }.sorted()
    }

    /// Whether two runs read the same content, wherever it lies.
    public static func haveSameContent(_ one: [String]?, _ other: [String]?) -> Bool {
        func digests(_ lines: [String]?) -> [Substring] { (lines ?? []).map { $0.prefix { $0 != " " } }.sorted() }
        return digests(one) == digests(other)
    }

    /// What to say where inputs have changed.
    ///
    /// - Parameter folder: The run's folder.
    public static func sentence(_ paths: [String], folder: String) -> String {
        let names = paths.joined(separator: ", ")
        let (noun, verb) = paths.count == 1 ? ("input", "has") : ("inputs", "have")
        return
            "\(folder) holds a run whose \(noun) \(names) \(verb) changed since it began: put the old content back to go on "
            + "with it, or give another --out."
    }
}
