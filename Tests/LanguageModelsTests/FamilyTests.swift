import Foundation
import Tensors
import TestSupport
import Testing
import Tokenization

@testable import LanguageModels

// Two families that this file alone declares: all that a new model needs.

extension ModelFamily {
    /// Llama's computation with other names and conventions: norms that add 1, scaled embeddings, biases in attention.
    fileprivate static let nova = ModelFamily("nova", modelType: "nova_text", className: "NovaForCausalLM") {
        $0.norms = [
            .attentionInput: NormNames("ln_attention", gguf: "attn_norm"),
            .feedForwardInput: NormNames("ln_mlp", gguf: "ffn_norm"),
        ]
        $0.normOffset = 1
        $0.hasAttentionBias = true
        $0.scalesEmbeddings = true
    }

    /// Qwen3's computation under a name of its own.
    fileprivate static let comet = ModelFamily("comet", className: "CometForCausalLM") {
        $0.norms.merge(headNorms) { $1 }
    }
}

@Suite struct FamilyTests {
    let families = ModelFamily.all + [.nova, .comet]

    func logits(_ model: CausalLM) throws -> Tensor {
        let ids = (0..<60).map { ($0 * 37) % 320 }
        return try model.logits([.init(tokens: ids, cache: model.makeCache())], allPositions: true)
    }

    /// The largest difference, relative to the largest number.
    func difference(_ ours: Tensor, _ theirs: Tensor) throws -> Float {
        let (ours, theirs) = (try ours.floats(), try theirs.floats())
        #expect(ours.count == theirs.count)
        return (zip(ours, theirs).map { abs($0 - $1) }.max() ?? 0) / (theirs.map(abs).max() ?? 1)
    }

    /// A folder with tiny-llama3's weights as ``ModelFamily/nova`` states them.
    func novaFolder() throws -> URL {
        let source = fixture("models/tiny-llama3")
        let (weights, folder) = (
            try SafetensorsFolder(path: source),
            FileManager.default.temporaryDirectory.appending(path: "coe-nova-\(UUID().uuidString)")
        )
        func weight(_ name: String) throws -> Tensor { try #require(try weights.weight(name)).to(.float32) }
        let embeddings = try weight("model.embed_tokens.weight")
        var tensors = [
            "model.embed_tokens.weight": try embeddings / 48.0.squareRoot(), "lm_head.weight": embeddings,
            "model.norm.weight": try weight("model.norm.weight") - 1,
        ]
        for layer in 0..<2 {
            let prefix = "model.layers.\(layer)"
            for module in LinearModule.allCases {
                tensors["\(prefix).\(module.rawValue).weight"] = try weight("\(prefix).\(module.rawValue).weight")
            }
            for (module, width) in [(LinearModule.query, 96), (.key, 32), (.value, 32)] {
                tensors["\(prefix).\(module.rawValue).bias"] = try Tensor.full(0, shape: [width])
            }
            tensors["\(prefix).ln_attention.weight"] = try weight("\(prefix).input_layernorm.weight") - 1
            tensors["\(prefix).ln_mlp.weight"] = try weight("\(prefix).post_attention_layernorm.weight") - 1
        }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try SafetensorsFile.write(tensors, to: folder.appending(path: "model.safetensors"))
        let file = try Data(contentsOf: URL(filePath: source).appending(path: "config.json"))
        var json = try #require(try JSONSerialization.jsonObject(with: file) as? [String: Any])
        json["model_type"] = "nova_text"
        json["tie_word_embeddings"] = false
        try JSONSerialization.data(withJSONObject: json).write(to: folder.appending(path: "config.json"))
        return folder
    }

    /// The same numbers to a rounding of 32-bit floats for each changed weight; as the parity tests, 1e-5 of the largest.
    @Test func aMadeUpFamilyComputesAsItsValueSays() throws {
        let folder = try novaFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let llama = try CausalLM(path: fixture("models/tiny-llama3"))
        let nova = try CausalLM(path: folder.path(percentEncoded: false), families: families)
        #expect(nova.configuration.family == .nova)
        #expect(try difference(logits(nova), logits(llama)) < 1e-5)

        // Training goes the same way.
        let adapter = try LoRAAdapter(path: fixture("training/tiny-llama3-adapter"))
        let sequence = CausalLM.PackedSequence(
            tokens: (0..<40).map { ($0 * 37) % 320 }, mask: (0..<40).map { $0 % 3 == 0 })
        let gradients = try [nova, llama].map { model in
            let weights = try LoRAWeights(adapter, for: model)
            _ = try model.backpropagate([sequence], lora: weights) { values, _ in try values.sum(0) }
            return weights.gradients
        }
        #expect(try difference(gradients[0], gradients[1]) < 1e-4)
    }

    @Test func aMadeUpFamilyIsWrittenAndReadBack() throws {
        let folder = try novaFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let nova = try CausalLM(path: folder.path(percentEncoded: false), families: families)
        let written = folder.appending(path: "written")
        try nova.write(to: written, tokenizer: Tokenizer(byteVocabulary(count: 320)))
        let again = try CausalLM(path: written.path(percentEncoded: false), families: families)
        #expect(again.configuration == nova.configuration)
        #expect(try difference(logits(again), logits(nova)) < 1e-6)
    }

    @Test func aMadeUpFamilyIsReadFromGGUF() throws {
        let path = fixture("models/tiny-qwen3.gguf")
        var bytes = try Data(contentsOf: URL(filePath: path))
        let (old, new) = (Data("qwen3".utf8), Data("comet".utf8))
        while let place = bytes.firstRange(of: old) { bytes.replaceSubrange(place, with: new) }
        try withTemporaryFile([UInt8](bytes)) { renamed in
            let comet = try CausalLM(path: renamed, families: families)
            #expect(comet.configuration.family == .comet)
            #expect(try logits(comet).floats() == logits(CausalLM(path: path)).floats())
        }
    }

    @Test func anUnknownFamilyIsRefusedWithTheKnownOnes() throws {
        let folder = try novaFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect { try CausalLM(path: folder.path(percentEncoded: false)) } throws: {
            "\($0)".contains("of type nova_text; supported are llama, qwen2, qwen3, gemma3_text")
        }
    }

    /// A file would be read as either of two families of one name.
    @Test func familiesDoNotShareNames() {
        #expect(Set(ModelFamily.all.map(\.name)).count == ModelFamily.all.count)
        #expect(Set(ModelFamily.all.map(\.modelType)).count == ModelFamily.all.count)
    }
}
