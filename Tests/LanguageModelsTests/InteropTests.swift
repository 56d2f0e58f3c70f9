import Foundation
import Tensors
import TestSupport
import Testing
import Tokenization

@testable import LanguageModels

/// Features of other tools' models and adapters: computed as Transformers and PEFT compute them, or refused by name. The
/// fixtures come from Fixtures/make_interop.py.
@Suite struct InteropTests {
    let reference: SafetensorsFile

    init() throws { reference = try SafetensorsFile(path: fixture("interop/expected.safetensors")) }

    /// The largest difference, relative to the row's largest logit.
    func difference(_ model: CausalLM, _ name: String) throws -> Float {
        let ids = try #require(try reference.tensor("ids")).integers()
        let expected = try #require(try reference.tensor(name))
        let logits = try model.logits([.init(tokens: ids, cache: model.makeCache())], allPositions: true)
        return try ((logits - expected).abs().maximum(1) / expected.abs().maximum(1)).maximum(0).floats()[0]
    }

    /// A model with another config.json.
    func model(_ name: String, kernels: Bool = true, _ edit: (inout [String: Any]) -> Void) throws -> CausalLM {
        let path = fixture(name)
        let data = try Data(contentsOf: URL(filePath: path).appending(path: "config.json"))
        var json = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        edit(&json)
        let configuration = try ModelConfiguration(
            json: JSONSerialization.data(withJSONObject: json), source: "config.json")
        return try CausalLM(
            configuration: configuration, weights: SafetensorsFolder(path: path), adapter: nil, device: .cpu,
            precision: .float32, allowsKernels: kernels)
    }

    // MARK: Models

    @Test(arguments: ["biased", "biased.gguf"]) func biasesCount(name: String) throws {
        #expect(try difference(CausalLM(path: fixture("interop/\(name)")), "biased") < 1e-5)
    }

    @Test func aBiasedModelIsWrittenWithItsBiases() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "coe-biased-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let model = try CausalLM(path: fixture("interop/biased.gguf"))
        try model.write(to: folder, tokenizer: .init(byteVocabulary(count: 320)))
        #expect(try difference(CausalLM(path: folder.path(percentEncoded: false)), "biased") < 1e-5)
    }

    /// A tensor that nobody reads is an error: here the biases that config.json does not call for.
    @Test func biasesThatTheConfigurationDoesNotCallForAreNamed() {
        for key in ["mlp_bias", "attention_bias"] {
            #expect { try model("interop/biased") { $0[key] = false } } throws: {
                "\($0)".contains(key == "mlp_bias" ? "mlp.down_proj.bias" : "self_attn.k_proj.bias")
            }
        }
        #expect { try model("models/tiny-llama3") { $0["num_hidden_layers"] = 1 } } throws: {
            "\($0)".contains("does not call for: model.layers.1.")
        }
    }

    @Test(arguments: ["linear", "yarn", "yarn-all", "yarn-attention"], [true, false])
    func ropeIsStretchedAsTransformersDoesIt(name: String, kernels: Bool) throws {
        let all = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: fixture("interop/rope.json"))))
        let rope = try #require((all as? [String: [String: Any]])?[name])
        let stretched = try model("models/tiny-llama3", kernels: kernels) {
            $0["rope_parameters"] = rope.merging(["rope_theta": 10_000.0]) { $1 }
        }
        #expect(try difference(stretched, name) < 1e-5)
        // As Transformers 4 wrote it, and read back from what is written here.
        let old = try model("models/tiny-llama3", kernels: kernels) {
            $0["rope_parameters"] = nil
            $0["rope_theta"] = 10_000
            $0["rope_scaling"] = rope
        }
        #expect(old.configuration == stretched.configuration)
        let again = try ModelConfiguration(json: old.configuration.json(dtype: "float32"), source: "again")
        #expect(again == old.configuration)
        #expect(try difference(CausalLM(path: fixture("models/tiny-llama3")), name) > 1e-3)
    }

    @Test func whatWouldBeReadWronglyIsRefusedByName() {
        func refuses(_ part: String, _ edit: (inout [String: Any]) -> Void) {
            #expect { try model("models/tiny-llama3", edit) } throws: { "\($0)".contains(part) }
        }
        refuses("quantization_config: bitsandbytes") { $0["quantization_config"] = ["quant_method": "bitsandbytes"] }
        refuses("LlamaForSequenceClassification") { $0["architectures"] = ["LlamaForSequenceClassification"] }
        refuses("without a rope_type") { $0["rope_parameters"] = ["rope_theta": 1e4, "factor": 4.0] }
        refuses("the RoPE scaling longrope") { $0["rope_parameters"] = ["rope_type": "longrope", "factor": 4.0] }
        refuses("partial_rotary_factor") {
            $0["rope_parameters"] = ["rope_type": "default", "partial_rotary_factor": 0.5]
        }
        refuses("RoPE scaling yarn") {
            $0["rope_parameters"] = ["rope_type": "yarn", "original_max_position_embeddings": 64]
        }
        refuses("the attention chunked_attention") { $0["layer_types"] = ["full_attention", "chunked_attention"] }
        refuses("lacks hidden_size") { $0["hidden_size"] = nil }
        refuses("num_hidden_layers as 1000000000000") { $0["num_hidden_layers"] = 1_000_000_000_000 }
        refuses("rms_norm_eps has the wrong type") { $0["rms_norm_eps"] = "small" }
        refuses("feed-forward layers, which qwen2") {
            $0["model_type"] = "qwen2"
            $0["mlp_bias"] = true
        }
    }

    @Test func aKeyThatStandsTwiceIsNamed() throws {
        let file = URL(filePath: fixture("models/tiny-llama3")).appending(path: "config.json")
        let text = try String(contentsOf: file, encoding: .utf8)
        let twice = text.replacing(#""rope_theta":"#, with: #""rope_\u0074heta": 1, "rope_theta":"#)
        #expect { try ModelConfiguration(json: Data(twice.utf8), source: "config.json") } throws: {
            "\($0)" == "config.json gives rope_theta twice in one object; leave one of them."
        }
    }

    /// `rope_scaling` comes before `rope_parameters`, and the original length beside them before the one in them.
    @Test func theOldKeysOfRoPEComeFirst() throws {
        let both = try model("models/tiny-llama3") {
            $0["rope_scaling"] = ["rope_type": "linear", "factor": 2.0]
            $0["rope_theta"] = 5000
        }
        #expect(both.configuration.ropeScaling == .linear(factor: 2) && both.configuration.ropeBase == 5000)
        let empty = try model("models/tiny-llama3") { $0["rope_scaling"] = [String: Any]() }
        let plain = try model("models/tiny-llama3") { _ in }
        #expect(empty.configuration == plain.configuration)
        let original = try model("models/tiny-llama3") { $0["original_max_position_embeddings"] = 32 }
        guard case .llama3(let numbers)? = original.configuration.ropeScaling else {
            Issue.record("it is not scaled as Llama 3")
            return
        }
        #expect(numbers.originalContextLength == 32)
        #expect {
            try model("models/tiny-gemma3") { $0["rope_scaling"] = ["rope_type": "linear", "factor": 2.0] }
        } throws: {
            "\($0)".contains("both rope_scaling and rope_parameters")
        }
    }

    @Test func aMissingEpsilonIsTransformersDefault() throws {
        #expect(try model("models/tiny-llama3") { $0["rms_norm_eps"] = nil }.configuration.rmsNormEpsilon == 1e-6)
    }

    // MARK: GGUF

    private func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    private func string(_ text: String) -> [UInt8] { bytes(UInt64(text.utf8.count)) + Array(text.utf8) }

    /// models/tiny-qwen3.gguf with more metadata: keys, GGUF's numbers of their types, and values.
    func gguf<Result>(
        _ fields: [(key: String, type: UInt32, value: [UInt8])] = [], renaming: (String, String)? = nil,
        _ body: (GGUFFile) throws -> Result
    ) throws -> Result {
        var file = [UInt8](try Data(contentsOf: URL(filePath: fixture("models/tiny-qwen3.gguf"))))
        if let (old, new) = renaming, let place = file.firstRange(of: Array(old.utf8)) {
            file.replaceSubrange(place, with: Array(new.utf8))
        }
        var added = fields.flatMap { string($0.key) + bytes($0.type) + $0.value }
        // The tensors stay at multiples of 32 bytes.
        let rest = 31 - (added.count + string("fill").count + 4 + 8 + 31) % 32
        added += string("fill") + bytes(UInt32(8)) + string(String(repeating: "-", count: rest))
        let count = file[16..<24].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        file.replaceSubrange(16..<24, with: bytes(count + UInt64(fields.count) + 1) + added)
        return try withTemporaryFile(file) { try body(GGUFFile(path: $0)) }
    }

    @Test func metadataThatMayChangeTheResultIsNamed() throws {
        func configuration(_ key: String, _ type: UInt32, _ value: [UInt8]) throws {
            try gguf([("qwen3." + key, type, value)]) { _ = try ModelConfiguration(gguf: $0) }
        }
        try configuration("expert_count", 4, bytes(UInt32(0)))
        try configuration("attention.causal", 7, [1])
        for (key, type, value) in [
            ("attention.causal", 7, [0]), ("rope.scaling.yarn_ext_factor", 6, [0, 0, 0, 0]), ("new.switch", 7, [0]),
        ] as [(String, UInt32, [UInt8])] {
            #expect { try configuration(key, type, value) } throws: { "\($0)".contains("the metadata qwen3.\(key)") }
        }
        #expect {
            try gguf(renaming: ("qwen3.attention.layer_norm_rms", "other.attention.layer_norm_rms")) {
                _ = try ModelConfiguration(gguf: $0)
            }
        } throws: {
            "\($0)".contains("does not give qwen3.attention.layer_norm_rms_epsilon")
        }
        let tokens = bytes(UInt32(8)) + bytes(UInt64(1)) + string("a")
        let kinds = bytes(UInt32(5)) + bytes(UInt64(1)) + bytes(Int32(1))
        #expect {
            try gguf([
                ("tokenizer.ggml.tokens", 9, tokens), ("tokenizer.ggml.token_type", 9, kinds),
                ("tokenizer.ggml.add_eos_token", 7, [1]),
            ]) { _ = try Vocabulary(gguf: $0) }
        } throws: {
            "\($0)".contains("tokenizer.ggml.add_eos_token")
        }
    }

    // MARK: Checkpoints

    /// A copy of models/tiny-qwen2 with other tensors.
    func copy(_ edit: (inout [String: Tensor]) throws -> Void) throws -> URL {
        let source = URL(filePath: fixture("models/tiny-qwen2"))
        let folder = FileManager.default.temporaryDirectory.appending(path: "coe-interop-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            at: source.appending(path: "config.json"), to: folder.appending(path: "config.json"))
        let file = try SafetensorsFile(path: source.appending(path: "model.safetensors").path(percentEncoded: false))
        var tensors: [String: Tensor] = [:]
        for name in file.entries.keys { tensors[name] = try file.tensor(name) }
        try edit(&tensors)
        try SafetensorsFile.write(tensors, to: folder.appending(path: "model.safetensors"))
        return folder
    }

    @Test func partsOfQuantisedWeightsAreNamed() throws {
        for part in ["SCB", "weight_scale", "weight_scale_inv"] {
            let folder = try copy { $0["model.layers.0.mlp.up_proj.\(part)"] = try Tensor([1, 2], shape: [2]) }
            defer { try? FileManager.default.removeItem(at: folder) }
            #expect { try CausalLM(path: folder.path(percentEncoded: false)) } throws: {
                "\($0)".contains("mlp.up_proj.\(part)") && "\($0)".contains("quantised")
            }
        }
    }

    /// 8-bit integers without a scale are no weights, whatever lies beside them.
    @Test func integersAreNoWeights() throws {
        let folder = try copy { $0["lm_head.weight"] = try $0["lm_head.weight"]?.to(.int8) }
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect { try CausalLM(path: folder.path(percentEncoded: false)) } throws: {
            "\($0)".contains("lm_head.weight as whole numbers")
        }
    }

    /// As Transformers does it.
    @Test func anIndexDoesNotCountBesideTheWholeFile() throws {
        let folder = try copy { _ in }
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("stale".utf8).write(to: folder.appending(path: "model.safetensors.index.json"))
        #expect(throws: Never.self) { try CausalLM(path: folder.path(percentEncoded: false)) }
    }

    @Test func aTensorInTwoShardsIsNamed() throws {
        let folder = try copy { _ in }
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = FileManager.default
        let whole = folder.appending(path: "model.safetensors")
        try files.copyItem(at: whole, to: folder.appending(path: "a.safetensors"))
        try files.moveItem(at: whole, to: folder.appending(path: "b.safetensors"))
        let index = #"{"weight_map":{"lm_head.weight":"a.safetensors","model.norm.weight":"b.safetensors"}}"#
        try Data(index.utf8).write(to: folder.appending(path: "model.safetensors.index.json"))
        #expect { try CausalLM(path: folder.path(percentEncoded: false)) } throws: {
            "\($0)".contains("in a.safetensors and in b.safetensors")
        }
    }

    @Test func tensorsOfOthersAreSkipped() throws {
        let folder = try copy {
            $0["vision.x"] = try Tensor([1], shape: [1])
            $0["model.layers.0.self_attn.rotary_emb.inv_freq"] = try Tensor([1], shape: [1])
        }
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(throws: Never.self) { try CausalLM(path: folder.path(percentEncoded: false)) }
    }

    @Test func aFolderWithoutAConfigurationIsNamed() {
        #expect { try CausalLM(path: fixture("interop")) } throws: { "\($0)".contains("holds no config.json") }
        #expect { try CausalLM(path: fixture("interop/dora")) } throws: {
            "\($0)".contains("is an adapter, not a model")
        }
    }
}
