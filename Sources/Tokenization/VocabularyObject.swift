import FoundationEssentials

/// The object `vocab` in a `tokenizer.json`, read and written apart from the rest.
///
/// Foundation's coders keep an object's members in a dictionary by `String`, whose == is canonical equivalence: of two
/// tokens that look the same, as `列` (U+5217) and `列` (U+F99C), one would be lost.
struct VocabularyObject {
    var entries: [(token: String, id: Int)]

    init(_ entries: [(token: String, id: Int)]) { self.entries = entries }

    private static let empty = Data(#""vocab":{}"#.utf8)

    /// Takes the object out of a file; nil where it has none, with strings as keys and integers as values, in its `model`.
    init?(removedFrom json: inout Data) {
        var scanner = Scanner(bytes: [UInt8](json))
        guard let (range, entries) = scanner.vocabulary() else { return nil }
        json = Data(scanner.bytes[..<range.lowerBound]) + Data("{}".utf8) + Data(scanner.bytes[range.upperBound...])
        self.entries = entries
    }

    /// Puts the object in the place of an empty one in a file written without white space.
    func inserted(into json: Data) -> Data {
        // No string can hold these bytes: its own quotation marks have a backslash before them.
        guard let place = json.firstRange(of: Self.empty) else { return json }
        var text = #""vocab":{"#
        for (index, entry) in entries.enumerated() {
            text += index == 0 ? "\"" : ",\""
            for scalar in entry.token.unicodeScalars {
                switch scalar.value {
                case 0x22, 0x5C: text += "\\\(scalar)"
                case 0..<0x20:
                    let digits = String(scalar.value, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                default: text.unicodeScalars.append(scalar)
                }
            }
            text += "\":\(entry.id)"
        }
        return json[..<place.lowerBound] + Data((text + "}").utf8) + json[place.upperBound...]
    }
}

/// Walks through JSON and leaves errors to Foundation's decoder, which reads it later.
private struct Scanner {
    let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// The entries of the object `model.vocab`, and where it stands.
    mutating func vocabulary() -> (Range<Int>, [(token: String, id: Int)])? {
        var depth = 0
        var parent = ""
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                guard let key = string() else { return nil }
                guard skip(":") else { continue }
                if depth == 1 { parent = key }
                if depth == 2, parent == "model", key == "vocab" {
                    let start = position
                    return entries().map { (start..<position, $0) }
                }
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
            position += 1
        }
        return nil
    }

    private mutating func entries() -> [(token: String, id: Int)]? {
        guard skip("{") else { return nil }
        var entries: [(token: String, id: Int)] = []
        if skip("}") { return entries }
        repeat {
            guard let token = string(), skip(":") else { return nil }
            let start = position
            while let byte = next, (0x30...0x39).contains(byte) { position += 1 }
            guard let id = Int(String(decoding: bytes[start..<position], as: UTF8.self)) else { return nil }
            entries.append((token, id))
        } while skip(",")
        return skip("}") ? entries : nil
    }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || (0x09...0x0D).contains(byte) { position += 1 }
    }

    /// Whether the sign comes next; it is passed over then, with the white space around it.
    private mutating func skip(_ sign: Unicode.Scalar) -> Bool {
        skipSpace()
        guard next == UInt8(ascii: sign) else { return false }
        position += 1
        skipSpace()
        return true
    }

    /// The string that begins here.
    private mutating func string() -> String? {
        guard next == UInt8(ascii: "\"") else { return nil }
        position += 1
        let start = position
        var hasEscapes = false
        while let byte = next, byte != UInt8(ascii: "\"") {
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                position += 1
            }
            position += 1
        }
        guard position < bytes.count else { return nil }
        defer { position += 1 }
        if !hasEscapes { return String(decoding: bytes[start..<position], as: UTF8.self) }
        return try? JSONDecoder().decode(String.self, from: Data(bytes[start - 1...position]))
    }
}
