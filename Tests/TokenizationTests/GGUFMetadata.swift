import Foundation
import Testing

@testable import Tokenization

/// Just enough of a GGUF file's metadata to test published vocabularies without the reader of another module.
struct GGUFMetadata {
    private var numbers: [String: Int] = [:]
    private var strings: [String: String] = [:]
    private var numberLists: [String: [Int]] = [:]
    private var stringLists: [String: [String]] = [:]

    init(_ data: Data) throws {
        try data.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
            var position = 8
            func read<Value: FixedWidthInteger>(_ type: Value.Type) -> Value {
                defer { position += MemoryLayout<Value>.size }
                return Value(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Value.self))
            }
            func readString() -> String {
                let count = Int(read(UInt64.self))
                defer { position += count }
                return String(decoding: bytes[position..<position + count], as: UTF8.self)
            }
            /// Floats are read as their bit patterns.
            func readNumber(_ type: UInt32) throws -> Int {
                switch type {
                case 0, 7: Int(read(UInt8.self))
                case 1: Int(read(Int8.self))
                case 2: Int(read(UInt16.self))
                case 3: Int(read(Int16.self))
                case 4, 6: Int(read(UInt32.self))
                case 5: Int(read(Int32.self))
                case 10, 11, 12: Int(truncatingIfNeeded: read(Int64.self))
                default: throw CocoaError(.fileReadCorruptFile)
                }
            }
            _ = read(UInt64.self)
            for _ in 0..<read(UInt64.self) {
                let key = readString()
                let type = read(UInt32.self)
                switch type {
                case 8: strings[key] = readString()
                case 9:
                    let element = read(UInt32.self)
                    let count = Int(read(UInt64.self))
                    if element == 8 {
                        stringLists[key] = (0..<count).map { _ in readString() }
                    } else {
                        numberLists[key] = try (0..<count).map { _ in try readNumber(element) }
                    }
                default: numbers[key] = try readNumber(type)
                }
            }
        }
    }

    func vocabulary() throws -> Vocabulary {
        let prefix = "tokenizer.ggml."
        let tokens = try #require(stringLists[prefix + "tokens"])
        let kinds = try #require(numberLists[prefix + "token_type"]).map { try #require(TokenKind(rawValue: $0)) }
        if strings[prefix + "model"] == "llama" {
            let scores = try #require(numberLists[prefix + "scores"])
                .map { Double(Float(bitPattern: UInt32(truncatingIfNeeded: $0))) }
            return try Vocabulary(
                tokens: tokens, scores: scores, kinds: kinds, bosID: numbers[prefix + "bos_token_id"],
                eosID: numbers[prefix + "eos_token_id"], addsBOS: numbers[prefix + "add_bos_token"] == 1,
                chatTemplate: strings["tokenizer.chat_template"])
        }
        let preTokenizer = try #require(strings[prefix + "pre"])
        return Vocabulary(
            tokens: tokens, kinds: kinds,
            merges: try #require(stringLists[prefix + "merges"]),
            preTokenizer: try #require(PreTokenizer(gguf: preTokenizer)),
            bosID: numbers[prefix + "bos_token_id"], eosID: numbers[prefix + "eos_token_id"],
            addsBOS: numbers[prefix + "add_bos_token"] == 1, chatTemplate: strings["tokenizer.chat_template"])
    }
}
