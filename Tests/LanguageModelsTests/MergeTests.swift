import Foundation
import LanguageModels
import Tensors
import TestSupport
import Testing
import Tokenization

@Suite struct MergeTests {
    /// What is written is read back as the same model, with the adapter's logits and the tokenizer's ids.
    @Test(arguments: ["tiny-llama3", "tiny-qwen2", "tiny-qwen3", "tiny-gemma3"])
    func aMergedModelIsTheModelWithItsAdapter(name: String) throws {
        let adapter = fixture("training/\(name)-adapter")
        let model = try CausalLM(path: fixture("models/\(name)"), adapter: adapter)
        var vocabulary = try byteVocabulary(controlTokens: ["<|im_start|>", "<|im_end|>"], count: 320)
        vocabulary.eosID = 257
        vocabulary.otherEndIDs = [300]
        let tokenizer = try Tokenizer(vocabulary)
        let folder = FileManager.default.temporaryDirectory.appending(path: "coe-merge-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        try model.write(to: folder, tokenizer: tokenizer)

        let path = folder.path(percentEncoded: false)
        let merged = try CausalLM(path: path)
        #expect(merged.configuration == model.configuration)
        let ids = (0..<60).map { ($0 * 37) % 320 }
        func logits(_ model: CausalLM) throws -> [Float] {
            try model.logits([.init(tokens: ids, cache: model.makeCache())], allPositions: true).floats()
        }
        #expect(try logits(merged) == logits(model))
        #expect(try logits(merged) != logits(CausalLM(path: fixture("models/\(name)"))))
        #expect(try Tokenizer(modelPath: path).vocabulary.otherEndIDs == [257, 300])
        let text = "def f(x):\n    return \"é 12\"  # <|im_end|>"
        #expect(try Tokenizer(modelPath: path).encode(text) == tokenizer.encode(text))
        #expect(
            try Tokenizer(modelPath: path).encode("<|im_end|>", controlTokens: .parsed)
                == tokenizer.encode("<|im_end|>", controlTokens: .parsed))
    }

    @Test func anAdapterIsReadBackBitByBitAndInHalfTheSize() throws {
        let adapter = try LoRAAdapter(path: fixture("training/tiny-qwen2-adapter"))
        let folder = FileManager.default.temporaryDirectory.appending(path: "coe-adapter-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        try adapter.write(to: folder.appending(path: "full"), baseModel: "tiny")
        try adapter.write(to: folder.appending(path: "half"), baseModel: "tiny", dtype: .float16)
        func read(_ name: String) throws -> LoRAAdapter {
            try LoRAAdapter(path: folder.appending(path: name).path(percentEncoded: false))
        }
        let (full, half) = (try read("full"), try read("half"))
        #expect(full.rank == adapter.rank && full.scale == adapter.scale && half.scale == adapter.scale)
        #expect(Set(full.layers.keys) == Set(adapter.layers.keys))
        for (name, pair) in adapter.layers {
            let saved = try #require(full.layers[name])
            #expect(try saved.a.floats() == pair.a.floats() && saved.b.floats() == pair.b.floats())
            let halved = try #require(half.layers[name])
            #expect(halved.a.dtype == .float16)
            #expect(try (halved.a.to(.float32) - pair.a).norm() < 1e-3 * pair.a.norm())
        }
    }
}
