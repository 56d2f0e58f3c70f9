import Foundation
import Testing

@testable import Tokenization

@Suite struct VocabularyTests {
    /// A tiny tokenizer's JSON after a change.
    private func edited(_ name: String, _ edit: (inout [String: Any]) -> Void) throws -> Data {
        let data = try Data(contentsOf: Fixtures.folder.appending(path: name + ".json"))
        var json = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        edit(&json)
        return try JSONSerialization.data(withJSONObject: json)
    }

    @Test func mergesReadTheSameInBothForms() throws {
        let asPairs = try Vocabulary(tokenizerJSON: edited("qwen2") { _ in })
        let asStrings = try Vocabulary(
            tokenizerJSON: edited("qwen2") { json in
                var model = json["model"] as! [String: Any]
                model["merges"] = (model["merges"] as! [[String]]).map { "\($0[0]) \($0[1])" }
                json["model"] = model
            })
        #expect(asPairs == asStrings)
        #expect(asPairs.merges.count > 1000)
    }

    @Test func theFilesSettingsAreRead() throws {
        let llama = try Fixtures.tokenizer("llama3").vocabulary
        #expect(llama.preTokenizer == .llama3 && llama.ignoresMerges && llama.addsBOS && !llama.normalizesToNFC)
        #expect(llama.tokens[try #require(llama.bosID)] == "<|begin_of_text|>")
        #expect(llama.tokens[try #require(llama.eosID)] == "<|eot_id|>")
        let qwen = try Fixtures.tokenizer("qwen2").vocabulary
        #expect(qwen.preTokenizer == .qwen2 && !qwen.ignoresMerges && !qwen.addsBOS && qwen.normalizesToNFC)
        #expect(qwen.bosID == nil)
        // As with Transformers, the post-processor alone says that the first token begins a text.
        let settings = Data(#"{"bos_token":"<|endoftext|>","add_bos_token":true}"#.utf8)
        #expect(try !Vocabulary(tokenizerJSON: edited("qwen2") { _ in }, configuration: settings).addsBOS)
        let bare = try Vocabulary(tokenizerJSON: edited("llama3") { _ in })
        #expect(bare.addsBOS && bare.bosID == llama.bosID)
        // Stated as not special, but of a control token's look: text must not become one.
        let plain = try edited("qwen2") { json in
            json["added_tokens"] = (json["added_tokens"] as! [[String: Any]]).map { token in
                token.merging(["special": false]) { $1 }
            }
        }
        #expect(try Vocabulary(tokenizerJSON: plain).kinds == qwen.kinds)
    }

    /// What a GGUF file has of the same vocabulary: scores, and spaces as such in user-defined tokens.
    @Test func scoresGiveTheMergesOfTheReference() throws {
        let vocabulary = try Fixtures.tokenizer("gemma").vocabulary
        #expect(vocabulary.preTokenizer == .gemma && vocabulary.addsBOS && vocabulary.merges.count > 2000)
        let tokens = zip(vocabulary.tokens, vocabulary.kinds).map { token, kind in
            kind == .userDefined ? token.replacing("▁", with: " ") : token
        }
        let scores = vocabulary.kinds.enumerated().map { $1 == .normal ? -Double($0) : -1000 }
        let scored = try Vocabulary(
            tokens: tokens, scores: scores, kinds: vocabulary.kinds, bosID: vocabulary.bosID, eosID: vocabulary.eosID,
            addsBOS: true, chatTemplate: vocabulary.chatTemplate)
        #expect(scored == vocabulary)
    }

    /// Swift's dictionaries by strings would take `列` (U+5217) and `列` (U+F99C) for one key.
    @Test(arguments: ["smollm", "qwen2", "llama3", "gemma"]) func whatIsWrittenIsReadBack(name: String) throws {
        var vocabulary = try Fixtures.tokenizer(name).vocabulary
        let added = name == "gemma" ? ["\u{5217}", "\u{F99C}", "\"\\", "\u{1}"] : []
        vocabulary.tokens += added
        vocabulary.kinds += added.map { _ in .normal }
        let json = try vocabulary.tokenizerJSON()
        // Transformers puts the first token there by the file's own template alone.
        #expect(String(decoding: json, as: UTF8.self).contains(#"[{"SpecialToken":{"id":""#) == vocabulary.addsBOS)
        let read = try Vocabulary(
            tokenizerJSON: json,
            configuration: vocabulary.tokenizerConfiguration(contextLength: 512))
        #expect(read == vocabulary)
        #expect(read.tokens.map { Array($0.utf8) } == vocabulary.tokens.map { Array($0.utf8) })
    }

    @Test func aCharacterWithoutATokenNeedsTheTokensOfItsBytes() throws {
        var vocabulary = try Fixtures.tokenizer("gemma").vocabulary
        vocabulary.kinds[try #require(vocabulary.tokens.firstIndex(of: "<0x80>"))] = .unused
        #expect { try Tokenizer(vocabulary) } throws: { "\($0)".contains("no token for the byte 128") }
    }

    @Test func stepsThatAreNotImplementedAreRefused() throws {
        func code(_ data: Data) -> TokenizationError.Code? {
            do {
                _ = try Tokenizer(Vocabulary(tokenizerJSON: data))
                return nil
            } catch {
                return (error as? TokenizationError)?.code
            }
        }
        #expect(try code(edited("qwen2") { $0["pre_tokenizer"] = ["type": "Whitespace"] }) == .unsupported)
        #expect(try code(edited("qwen2") { $0["normalizer"] = ["type": "NFKC"] }) == .unsupported)
        #expect(try code(edited("qwen2") { $0["post_processor"] = ["type": "RobertaProcessing"] }) == .unsupported)
        #expect(
            try code(
                edited("llama3") { json in
                    var processor = json["post_processor"] as! [String: Any]
                    let pieces = processor["single"] as! [Any]
                    processor["single"] = pieces + pieces
                    json["post_processor"] = processor
                }) == .unsupported)
        #expect(
            try code(
                edited("qwen2") { json in
                    var tokens = json["added_tokens"] as! [[String: Any]]
                    tokens[0]["rstrip"] = true
                    json["added_tokens"] = tokens
                }) == .unsupported)
        #expect(
            try code(
                edited("qwen2") { json in
                    var model = json["model"] as! [String: Any]
                    model["merges"] = [["a", "no such token"]]
                    json["model"] = model
                }) == .inconsistentVocabulary)
        #expect(code(Data("{}".utf8)) == .malformedFile)
        #expect(
            try code(
                edited("qwen2") { json in
                    var model = json["model"] as! [String: Any]
                    model["vocab"] = ["a": 0.5]
                    json["model"] = model
                }) == .malformedFile)
        // Llama 2's, which puts a space before every text.
        #expect(
            try code(
                edited("gemma") { json in
                    let prefix: [String: Any] = ["type": "Prepend", "prepend": "▁"]
                    json["normalizer"] = ["type": "Sequence", "normalizers": [prefix, json["normalizer"]!]]
                }) == .unsupported)
    }

    /// What `tokenizers` or Transformers would give other ids is refused by name.
    @Test func otherIDsThanHuggingFacesAreRefused() throws {
        func refuses(
            _ part: String, name: String = "qwen2", settings: String? = nil, _ edit: (inout [String: Any]) -> Void
        ) {
            #expect {
                try Vocabulary(tokenizerJSON: edited(name, edit), configuration: settings.map { Data($0.utf8) })
            } throws: {
                "\($0)".contains(part)
            }
        }
        func model(_ key: String, _ value: Any) -> (inout [String: Any]) -> Void {
            { json in
                var model = json["model"] as! [String: Any]
                model[key] = value
                json["model"] = model
            }
        }
        refuses("dropout to 0.1", model("dropout", 0.1))
        refuses("continuing_subword_prefix to ##", model("continuing_subword_prefix", "##"))
        refuses("end_of_word_suffix to </w>", model("end_of_word_suffix", "</w>"))
        #expect(throws: Never.self) { try Vocabulary(tokenizerJSON: edited("qwen2", model("unk_token", "<unk>"))) }
        refuses("for the byte 122") { json in
            var model = json["model"] as! [String: Any]
            var vocab = model["vocab"] as! [String: Any]
            vocab["z"] = nil
            model["vocab"] = vocab
            model["unk_token"] = "<unk>"
            json["model"] = model
        }
        func added(_ edit: @escaping (inout [[String: Any]]) -> Void) -> (inout [String: Any]) -> Void {
            { json in
                var tokens = json["added_tokens"] as! [[String: Any]]
                edit(&tokens)
                json["added_tokens"] = tokens
            }
        }
        refuses("has the id 2030, where Hugging Face's tokenizers give it 2005", added { $0[5]["id"] = 2030 })
        refuses("is there twice", added { $0[5]["content"] = $0[4]["content"] })
        refuses(
            "is looked for behind the normalizer", added { ($0[5]["normalized"], $0[5]["content"]) = (true, "<é>") })
        #expect(throws: Never.self) {
            try Vocabulary(tokenizerJSON: edited("qwen2", added { $0[5]["normalized"] = true }))
        }
        func ids(_ ids: [Int]) -> (inout [String: Any]) -> Void {
            { json in
                var processor = json["post_processor"] as! [String: Any]
                let special: [String: Any] = ["id": "<|begin_of_text|>", "ids": ids, "tokens": ["<|begin_of_text|>"]]
                processor["special_tokens"] = ["<|begin_of_text|>": special]
                json["post_processor"] = processor
            }
        }
        refuses("more to every text than one token", name: "llama3", ids([2000, 2001]))
        refuses("more to every text than one token", name: "llama3") { json in
            var processor = json["post_processor"] as! [String: Any]
            processor["single"] = Array((processor["single"] as! [Any]).prefix(1))
            json["post_processor"] = processor
        }
        #expect(try Vocabulary(tokenizerJSON: edited("llama3", ids([2001]))).bosID == 2001)
        for (part, settings) in [
            ("names \"<pad>\"", #"{"pad_token":{"content":"<pad>"}}"#),
            ("names \"<new>\"", #"{"extra_special_tokens":{"new":"<new>"}}"#),
            ("names \"<new>\"", #"{"additional_special_tokens":["<|im_end|>","<new>"]}"#),
            ("adds \"<new>\" as 2006", #"{"added_tokens_decoder":{"2006":{"content":"<new>"}}}"#),
            (
                "other properties than",
                #"{"added_tokens_decoder":{"2004":{"content":"<tool_call>","lstrip":true,"special":false}}}"#
            ),
            ("gives eos_token twice", #"{"eos_token":"<|im_end|>","eos_token":null}"#),
        ] { refuses(part, settings: settings) { _ in } }
        let same = #"{"added_tokens_decoder":{"2004":{"content":"<tool_call>","lstrip":false,"special":false}}}"#
        #expect(throws: Never.self) {
            try Vocabulary(tokenizerJSON: edited("qwen2") { _ in }, configuration: Data(same.utf8))
        }
    }

    /// It is kept from texts as control tokens are, and written as it was.
    @Test func aTokenThatOnlyLooksSpecialIsWrittenAsItWas() throws {
        let json = try edited("qwen2") { json in
            var tokens = json["added_tokens"] as! [[String: Any]]
            tokens[0]["special"] = false
            json["added_tokens"] = tokens
        }
        let vocabulary = try Vocabulary(tokenizerJSON: json)
        let written = try JSONSerialization.jsonObject(with: vocabulary.tokenizerJSON()) as? [String: Any]
        let tokens = try #require(written?["added_tokens"] as? [[String: Any]])
        func special(_ id: Int) -> Bool? { tokens.first { $0["id"] as? Int == id }?["special"] as? Bool }
        #expect(special(2000) == false && special(2001) == true)
    }

    @Test func namesOfGGUFPreTokenizersAreKnown() {
        #expect(PreTokenizer(gguf: "smollm") == .smollm)
        #expect(PreTokenizer(gguf: "qwen2") == .qwen2)
        #expect(PreTokenizer(gguf: "llama-bpe") == .llama3)
        #expect(PreTokenizer(gguf: "gpt-2") == nil)
    }
}
