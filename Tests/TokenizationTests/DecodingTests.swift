import Testing

@testable import Tokenization

@Suite struct DecodingTests {
    @Test(arguments: ["qwen2", "gemma"]) func piecesOfAStreamJoinToTheWholeText(name: String) throws {
        let tokenizer = try Fixtures.tokenizer(name)
        var held = 0
        for text in try Fixtures.strings(for: name).filter({ $0.utf8.count < 2000 }) {
            var decoder = StreamingDecoder(tokenizer)
            let ids = tokenizer.encode(text)
            var joined = ""
            for id in ids {
                let piece = decoder.append(id)
                if piece.isEmpty { held += 1 }
                joined += piece
            }
            #expect(!joined.unicodeScalars.contains("\u{FFFD}") || text.unicodeScalars.contains("\u{FFFD}"))
            joined += decoder.finish()
            #expect(joined.utf8.elementsEqual(tokenizer.decode(ids).utf8))
        }
        #expect(held > 100)
    }

    /// Random ids make random bytes, most of them no UTF-8.
    @Test func aStreamOfBrokenCharactersReadsLikeTheWhole() throws {
        let tokenizer = try Fixtures.tokenizer("qwen2")
        let bytes = (0...255).map { byte in
            tokenizer.vocabulary.tokens.indices.first { tokenizer.bytes(of: $0) == [byte] }!
        }
        var random = SplitMix(state: 5)
        let lead: [Int] = [
            0xC1, 0xC3, 0xE0, 0xE2, 0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0x41,
        ]
        for _ in 0..<5000 {
            let ids = (0..<Int.random(in: 1...9, using: &random)).map { _ in
                bytes[lead.randomElement(using: &random)!]
            }
            var decoder = StreamingDecoder(tokenizer)
            var joined = ids.map { decoder.append($0) }.joined()
            joined += decoder.finish()
            #expect(joined.unicodeScalars.elementsEqual(tokenizer.decode(ids).unicodeScalars))
        }
    }

    @Test func controlTokensAreLeftOutWhenAsked() throws {
        let tokenizer = try Fixtures.tokenizer("smollm")
        let ids = tokenizer.encode("<|im_start|>a<|im_end|>", controlTokens: .parsed)
        #expect(tokenizer.decode(ids) == "<|im_start|>a<|im_end|>")
        #expect(tokenizer.decode(ids, skippingControl: true) == "a")
        var decoder = StreamingDecoder(tokenizer)
        #expect(ids.map { decoder.append($0) } == ["", "a", ""])
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
