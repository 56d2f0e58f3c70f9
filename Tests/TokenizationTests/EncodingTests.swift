import Testing

@testable import Tokenization

@Suite struct EncodingTests {
    @Test(arguments: ["smollm", "qwen2", "llama3", "gemma"])
    func idsEqualTheReferenceOnGeneratedStrings(name: String) throws {
        try expectReferenceIDs(Fixtures.tokenizer(name), name)
    }

    @Test(arguments: PublishedVocabularies.names.filter(PublishedVocabularies.isThere))
    func idsEqualTheReferenceWithAPublishedVocabulary(name: String) throws {
        try expectReferenceIDs(PublishedVocabularies.tokenizer(name), name)
    }

    private func expectReferenceIDs(_ tokenizer: Tokenizer, _ name: String) throws {
        let expected = try #require(try Fixtures.encodings()[name])
        let strings = try Fixtures.strings(for: name)
        #expect(strings.count >= 2000)
        #expect(strings.count == expected.hashes.count)
        for (index, text) in strings.enumerated() {
            let ids = tokenizer.encode(text)
            if let full = expected.full["\(index)"] { #expect(ids == full, "string \(index)") }
            let shown = text.prefix(200).debugDescription
            #expect(Fixtures.hash(ids) == expected.hashes[index], "string \(index) as text: \(shown)")
            let parsed = Fixtures.hash(tokenizer.encode(text, controlTokens: .parsed))
            let wanted = expected.parsed["\(index)"] ?? expected.hashes[index]
            #expect(parsed == wanted, "string \(index) parsed: \(shown)")
        }
    }

    @Test(arguments: ["smollm", "qwen2", "llama3", "gemma"])
    func textNeverBecomesAControlTokenUnlessAsked(name: String) throws {
        let tokenizer = try Fixtures.tokenizer(name)
        let control = tokenizer.vocabulary.kinds.indices.filter(tokenizer.isControl)
        #expect(control.count >= 4)
        for id in control {
            let text = tokenizer.vocabulary.tokens[id]
            #expect(tokenizer.encode(text, controlTokens: .parsed) == [id])
            let ids = tokenizer.encode("a\(text)\(text)b")
            #expect(!ids.contains(where: tokenizer.isControl))
            #expect(tokenizer.decode(ids) == "a\(text)\(text)b")
        }
    }

    @Test(arguments: ["qwen2", "llama3", "gemma"])
    func decodingReturnsTheText(name: String) throws {
        let tokenizer = try Fixtures.tokenizer(name)
        for text in try Fixtures.strings(for: name) {
            let decoded = tokenizer.decode(tokenizer.encode(text))
            // Gemma writes a space for its sign of one.
            let text =
                name == "gemma" ? String(text.unicodeScalars.map { $0 == "\u{2581}" ? " " : Character($0) }) : text
            // Swift's == is canonical equivalence, which is all that NFC leaves; without NFC every byte returns.
            let wanted = normalizationFormC(text)
            let isSame = name == "qwen2" ? decoded == wanted : decoded.utf8.elementsEqual(text.utf8)
            #expect(isSame, "\(text.prefix(200).debugDescription)")
        }
    }

    /// The tables behind the patterns end where no further scalar matters.
    @Test func noScalarBeyondTheTableIsALetterNumberOrSpace() {
        for value in ScalarClass.limit...0x10FFFF {
            guard let properties = Unicode.Scalar(value)?.properties else { continue }
            switch properties.generalCategory {
            case .unassigned, .privateUse, .nonspacingMark, .format: #expect(!properties.isWhitespace)
            default: Issue.record("U+\(String(value, radix: 16)) is \(properties.generalCategory)")
            }
        }
    }

    /// Two sizes of one word show how the time grows.
    @Test(arguments: ["a", "x\u{301}", " ", "=", "漢", "\n "], ["qwen2", "gemma"])
    func aWordOfAnyLengthCostsLinearTime(unit: String, name: String) throws {
        let tokenizer = try Fixtures.tokenizer(name)
        func seconds(_ count: Int) -> Double {
            let text = String(repeating: unit, count: count)
            let duration = ContinuousClock().measure { _ = tokenizer.encode(text) }
            return Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
        }
        let small = (0..<3).map { _ in seconds(4096) }.min()!
        let large = seconds(65536)
        // 16 times the text; a quadratic cost would be 256 times.
        #expect(large < 80 * small + 0.1, "\(small) s for 4096, \(large) s for 65536")
    }

    @Test(arguments: ["qwen2", "gemma"]) func idsAndTokensNameEachOther(name: String) throws {
        let tokenizer = try Fixtures.tokenizer(name)
        for (id, token) in tokenizer.vocabulary.tokens.enumerated() { #expect(tokenizer.id(of: token) == id) }
        #expect(tokenizer.id(of: "no such token") == nil)
        #expect(tokenizer.bytes(of: tokenizer.count).isEmpty)
        #expect(tokenizer.bytes(of: -1).isEmpty)
        let space = try #require(tokenizer.id(of: name == "gemma" ? "▁" : "Ġ"))
        #expect(tokenizer.bytes(of: space) == [0x20])
    }

    /// Grammar masks and the streaming decoder work on the bytes that each token writes.
    @Test func gemmasTokensAreTheirTextAndItsByteTokensTheirByte() throws {
        let tokenizer = try Fixtures.tokenizer("gemma")
        for byte in UInt8.min...UInt8.max {
            let hex = String(byte, radix: 16, uppercase: true)
            let id = try #require(tokenizer.id(of: "<0x\(hex.count == 1 ? "0" : "")\(hex)>"))
            #expect(tokenizer.bytes(of: id) == [byte] && tokenizer.vocabulary.kinds[id] == .byte)
        }
        #expect(tokenizer.bytes(of: try #require(tokenizer.id(of: "▁▁▁"))) == [0x20, 0x20, 0x20])
        #expect(tokenizer.bytes(of: try #require(tokenizer.id(of: "<start_of_turn>"))) == Array("<start_of_turn>".utf8))
        // No token: the bytes of its UTF-8.
        #expect(tokenizer.encode("\u{E331}").map { tokenizer.bytes(of: $0) } == [[0xEE], [0x8C], [0xB1]])
    }
}
