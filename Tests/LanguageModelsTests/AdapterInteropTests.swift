import Foundation
import Tensors
import TestSupport
import Testing
import Tokenization

@testable import LanguageModels

/// Adapters that PEFT writes: computed as PEFT computes them, or refused by name.
@Suite struct AdapterInteropTests {
    static let bases = [
        "rank-pattern": "tiny-llama3", "alpha-pattern": "tiny-llama3", "rslora-patterns": "tiny-llama3",
        "dora": "tiny-llama3", "saved-head": "tiny-qwen2", "saved-head-tied": "tiny-llama3",
        "saved-embeddings-tied": "tiny-llama3", "head-lora-tied": "tiny-llama3",
    ]

    func difference(_ model: CausalLM, _ name: String) throws -> Float {
        let reference = try SafetensorsFile(path: fixture("interop/expected.safetensors"))
        let ids = try #require(try reference.tensor("ids")).integers()
        let expected = try #require(try reference.tensor(name))
        let logits = try model.logits([.init(tokens: ids, cache: model.makeCache())], allPositions: true)
        return try ((logits - expected).abs().maximum(1) / expected.abs().maximum(1)).maximum(0).floats()[0]
    }

    @Test(arguments: bases.keys.sorted()) func adaptersComputeAsInPEFT(name: String) throws {
        let base = fixture("models/\(try #require(Self.bases[name]))")
        let adapter = fixture("interop/\(name)")
        #expect(try difference(CausalLM(path: base, adapter: adapter), name) < 1e-5)
        // Merged into a model in memory, and written.
        let merged = try CausalLM(path: base).merged(with: LoRAAdapter(path: adapter))
        #expect(try difference(merged, name) < 1e-5)
        let folder = FileManager.default.temporaryDirectory.appending(path: "coe-adapter-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        try merged.write(to: folder, tokenizer: .init(byteVocabulary(count: 320)))
        #expect(try difference(CausalLM(path: folder.path(percentEncoded: false)), name) < 1e-5)
        #expect(try difference(CausalLM(path: base), name) > 1e-3)
        // Rounding to 8 bits on both sides of every product.
        if base.hasSuffix("llama3") {
            #expect(try difference(CausalLM(path: base, adapter: adapter, precision: .int8), name) < 0.1)
        }
    }

    /// A copy of an adapter with other keys in its configuration.
    func adapter(_ name: String = "alpha-pattern", _ edit: (inout [String: Any]) -> Void) throws -> LoRAAdapter {
        let folder = FileManager.default.temporaryDirectory.appending(path: "coe-adapter-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.copyItem(at: URL(filePath: fixture("interop/\(name)")), to: folder)
        let file = folder.appending(path: "adapter_config.json")
        var json = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
        edit(&json)
        try JSONSerialization.data(withJSONObject: json).write(to: file)
        return try LoRAAdapter(path: folder.path(percentEncoded: false))
    }

    @Test func whatIsNotAppliedIsRefusedByName() {
        func refuses(_ part: String, _ edit: (inout [String: Any]) -> Void) {
            #expect { try adapter("alpha-pattern", edit) } throws: { "\($0)".contains(part) }
        }
        for beginning in ["pissa", "pissa_niter_4", "olora", "corda", "loftq", "lora_ga"] {
            refuses("begun by \(beginning), which changes the base model's weights") {
                $0["init_lora_weights"] = beginning
            }
        }
        refuses("aLoRA") { $0["alora_invocation_tokens"] = [100, 110] }
        refuses("of the type IA3") { $0["peft_type"] = "IA3" }
        refuses("bias: all") { $0["bias"] = "all" }
        refuses("lora_bias") { $0["lora_bias"] = true }
        refuses("fan_in_fan_out") { $0["fan_in_fan_out"] = true }
        refuses("trainable_token_indices") { $0["trainable_token_indices"] = [1, 2] }
        refuses("replicates layers") { $0["layer_replication"] = [[0, 2]] }
        refuses("the key warp_factor") { $0["warp_factor"] = 3 }
        refuses("of rank 4 at") { $0["r"] = 8 }
        refuses("several patterns match") { $0["alpha_pattern"] = ["v_proj": 1, "self_attn.v_proj": 2] }
        refuses("no regular expression") { $0["alpha_pattern"] = ["(": 1] }
        refuses("DoRA's lengths") { $0["use_dora"] = true }
        for key in ["use_rslora", "use_dora", "ensure_weight_tying"] {
            refuses("a \(key) in its adapter_config.json that is neither true nor false") { $0[key] = 1 }
        }
        refuses("matrices for model.layers.0.mlp.down_proj") { $0["target_modules"] = ["q_proj", "k_proj"] }
        refuses("matrices for model.layers.0.mlp.down_proj") { $0["target_modules"] = nil }
        refuses("matrices for model.layers.0.mlp.down_proj") { $0["target_modules"] = #".*\.self_attn\..*"# }
        refuses("matrices for model.layers.0.self_attn.k_proj") { $0["exclude_modules"] = ["k_proj"] }
        refuses("matrices for model.layers.0.mlp.down_proj") { $0["layers_to_transform"] = [1] }
        refuses("matrices for model.layers.0.mlp.down_proj") {
            $0["layers_to_transform"] = [0, 1]
            $0["layers_pattern"] = "blocks"
        }
        refuses("target_modules in its adapter_config.json that is no list") { $0["target_modules"] = [1] }
        refuses("pattern as target_modules that is not read here") { $0["target_modules"] = "(a*)*b" }
        refuses("names lm_head in modules_to_save") { $0["modules_to_save"] = ["lm_head"] }
        refuses("usable rank and alpha") { $0["r"] = 0 }
        refuses("usable rank and alpha") { $0["lora_alpha"] = "a lot" }
        #expect { try adapter("dora") { $0["use_dora"] = false } } throws: { "\($0)".contains("DoRA's lengths") }
    }

    @Test func theNamesOfLayersAreMatchedAsInPEFT() throws {
        let pattern = #"(?:\bmodel\.layers\.[\d]{1,}\.(?:self_attn|mlp)\.(?:(?:k|q|v|gate|down)_proj))"#
        for names in ["all-linear", pattern] {
            let same = try adapter {
                $0["target_modules"] = names
                $0["exclude_modules"] = ["lm_head"]
            }
            #expect(!same.layers.isEmpty)
        }
        let chosen = try adapter {
            $0["layers_to_transform"] = [0, 1]
            $0["layers_pattern"] = ["layers"]
        }
        #expect(!chosen.layers.isEmpty)
    }

    /// A copy of an adapter with other files.
    func copy(_ edit: (URL) throws -> Void) throws -> LoRAAdapter {
        let folder = FileManager.default.temporaryDirectory.appending(path: "coe-adapter-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.copyItem(at: URL(filePath: fixture("interop/alpha-pattern")), to: folder)
        try edit(folder)
        return try LoRAAdapter(path: folder.path(percentEncoded: false))
    }

    @Test func filesThatPEFTWouldReadOtherwiseAreNamed() {
        func refuses(_ part: String, _ edit: (URL) throws -> Void) {
            #expect { try copy(edit) } throws: { "\($0)".contains(part) }
        }
        let name = "adapter_model.safetensors"
        refuses("copy the whole folder") { try FileManager.default.removeItem(at: $0.appending(path: name)) }
        refuses("adapter_model.bin is not read") {
            try FileManager.default.moveItem(
                at: $0.appending(path: name), to: $0.appending(path: "adapter_model.bin"))
        }
        refuses("q_proj.weight whole beside matrices") {
            let path = $0.appending(path: name)
            let file = try SafetensorsFile(path: path.path(percentEncoded: false))
            var tensors: [String: Tensor] = [:]
            for key in file.entries.keys { tensors[key] = try file.tensor(key) }
            tensors["base_model.model.model.layers.0.self_attn.q_proj.weight"] = try Tensor([1], shape: [1])
            try SafetensorsFile.write(tensors, to: path)
        }
        refuses("gives r twice") {
            let path = $0.appending(path: "adapter_config.json")
            let text = try String(contentsOf: path, encoding: .utf8)
            try Data(text.replacing(#""r":"#, with: #""r": 4, "r":"#).utf8).write(to: path)
        }
    }

    @Test func harmlessKeysStayHarmless() throws {
        let same = try adapter {
            $0["init_lora_weights"] = "gaussian"
            $0["lora_dropout"] = 0.5
            $0["future_switch"] = false
            $0["revision"] = "main"
            $0["eva_config"] = ["rho": 2.0]
        }
        #expect(same.scales.count == 3)
    }

    @Test func anAdapterThatIsNotPlainIsNotTrainedFurther() throws {
        let model = try CausalLM(path: fixture("models/tiny-llama3"))
        for name in ["alpha-pattern", "dora"] {
            #expect { try LoRAWeights(LoRAAdapter(path: fixture("interop/\(name)")), for: model) } throws: {
                "\($0)".contains("cannot be trained further")
            }
        }
    }

    @Test func theBaseModelIsRead() throws {
        #expect(try LoRAAdapter.baseModel(of: fixture("interop/dora")) == "tiny-llama3")
    }
}
