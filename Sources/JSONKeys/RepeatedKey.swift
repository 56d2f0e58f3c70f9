package import FoundationEssentials

/// The first key that an object of a JSON text has twice; nil for none. What is no JSON is left to its decoder.
///
/// Python takes the last value of such a key and Foundation the first, so a file with one would be read in two ways.
package func repeatedKey(inJSON json: Data) -> String? {
    json.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) -> String? in
        /// The keys of each open object; nil for a list.
        var open: [Set<String>?] = []
        var isKeyNext = false
        var position = 0
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "{"):
                open.append(Set<String>())
                isKeyNext = true
            case UInt8(ascii: "["):
                open.append(nil)
                isKeyNext = false
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                _ = open.popLast()
                isKeyNext = false
            case UInt8(ascii: ","):
                isKeyNext = open.last.map { $0 != nil } ?? false
            case UInt8(ascii: "\""):
                let start = position
                var hasEscapes = false
                while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
                    if bytes[position] == UInt8(ascii: "\\") {
                        hasEscapes = true
                        position += 1
                    }
                    position += 1
                }
                guard position < bytes.count else { return nil }
                position += 1
                guard isKeyNext else { continue }
                isKeyNext = false
                let key =
                    hasEscapes
                    ? try? JSONDecoder().decode(String.self, from: Data(bytes[start - 1..<position]))
                    : String(decoding: bytes[start..<position - 1], as: UTF8.self)
                guard let key else { return nil }
                if open[open.count - 1]?.insert(key).inserted == false { return key }
            default: break
            }
        }
        return nil
    }
}
