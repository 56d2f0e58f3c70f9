import Foundation
import Tensors
import TestSupport
import Testing

@testable import LanguageModels

/// Our forward pass against Transformers' with the same weights; the fixtures come from Fixtures/make_models.py.
@Suite(.serialized) struct ParityTests {
    static let models = ["tiny-llama3", "tiny-qwen2", "tiny-qwen3", "tiny-gemma3"]

    /// The largest difference in a row of logits, relative to the row's largest logit.
    func relativeDifference(_ ours: Tensor, _ theirs: Tensor, scale: Tensor? = nil) throws -> Float {
        let scale = try scale ?? theirs.abs().maximum(1)
        return try ((ours - theirs).abs().maximum(1) / scale).maximum(0).floats()[0]
    }

    @Test(arguments: models + ["tiny-adapter"])
    func tinyFoldersGiveTheReferenceLogits(name: String) throws {
        let reference = try SafetensorsFile(path: fixture("models/tiny.safetensors"))
        let ids = try #require(try reference.tensor("ids")).integers()
        let expected = try #require(try reference.tensor(name))
        let isAdapter = name == "tiny-adapter"
        let model = try CausalLM(
            path: fixture("models/\(isAdapter ? "tiny-llama3" : name)"),
            adapter: isAdapter ? fixture("models/tiny-adapter") : nil)
        let logits = try model.logits([.init(tokens: ids, cache: model.makeCache())], allPositions: true)
        #expect(logits.shape == expected.shape)
        #expect(try relativeDifference(logits, expected) < 1e-5)
    }

    @Test func theAdapterChangesTheLogits() throws {
        let reference = try SafetensorsFile(path: fixture("models/tiny.safetensors"))
        let plain = try #require(try reference.tensor("tiny-llama3"))
        let adapted = try #require(try reference.tensor("tiny-adapter"))
        #expect(try relativeDifference(adapted, plain) > 0.05)
    }

    func makeModel(_ name: String, kernels: Bool, precision: Precision = .float32) throws -> CausalLM {
        let path = fixture("models/\(name)")
        let json = try Data(contentsOf: URL(filePath: path).appending(path: "config.json"))
        return try CausalLM(
            configuration: ModelConfiguration(json: json, source: path), weights: SafetensorsFolder(path: path),
            adapter: nil, device: .cpu, precision: precision, allowsKernels: kernels)
    }

    /// Prompt in pieces, single tokens, several conversations in one pass: the logits are those of the whole, with the
    /// CPU's kernels and with libtorch's operations, which a GPU uses.
    @Test(arguments: models, [true, false])
    func segmentsAndCacheGiveTheLogitsOfTheWhole(name: String, kernels: Bool) throws {
        let reference = try SafetensorsFile(path: fixture("models/tiny.safetensors"))
        let ids = try #require(try reference.tensor("ids")).integers()
        let expected = try #require(try reference.tensor(name))
        let model = try makeModel(name, kernels: kernels)
        let (first, second) = (model.makeCache(), model.makeCache())
        // Two conversations of different lengths that advance together.
        _ = try model.logits([.init(tokens: Array(ids[..<50]), cache: first)])
        _ = try model.logits([
            .init(tokens: Array(ids[50..<51]), cache: first), .init(tokens: Array(ids[..<7]), cache: second),
        ])
        let copy = second.prefix(5)
        second.truncate(to: 6)
        let logits = try model.logits([
            .init(tokens: Array(ids[51..<100]), cache: first), .init(tokens: Array(ids[6..<20]), cache: second),
            .init(tokens: Array(ids[5..<6]), cache: copy),
        ])
        let rows = try expected.selected(0, Tensor([99, 19, 5]))
        #expect(try relativeDifference(logits, rows) < 1e-5)
        #expect(first.count == 100 && second.count == 20 && copy.count == 6)
    }

    /// The same weights from GGUF files, with llama.cpp's names and 1 more in Gemma's norms.
    @Test(arguments: ["tiny-qwen3", "tiny-gemma3"]) func tinyGGUFFilesGiveTheReferenceLogits(name: String) throws {
        let reference = try SafetensorsFile(path: fixture("models/tiny.safetensors"))
        let ids = try #require(try reference.tensor("ids")).integers()
        let expected = try #require(try reference.tensor(name))
        let file = try GGUFFile(path: fixture("models/\(name).gguf"))
        var configuration = try ModelConfiguration(gguf: file)
        #expect(configuration.queryScalar == 16)
        // A 32-bit float in the file.
        #expect(abs(configuration.rmsNormEpsilon - 1e-6) < 1e-12)
        configuration.rmsNormEpsilon = 1e-6
        // GGUF does not state it, and the tiny Gemma's is not the width of its heads.
        if name == "tiny-gemma3" { configuration.queryScalar = 20 }
        let json = try Data(contentsOf: URL(filePath: fixture("models/\(name)/config.json")))
        #expect(try configuration == ModelConfiguration(json: json, source: name))
        let model = try CausalLM(
            configuration: configuration, weights: GGUFWeights(file: file, configuration: configuration),
            adapter: nil, device: .cpu, precision: .float32)
        let logits = try model.logits([.init(tokens: ids, cache: model.makeCache())], allPositions: true)
        #expect(try relativeDifference(logits, expected) < 1e-5)
    }

    /// A window changes what distant tokens do, so the fixtures would show one that is missing or too wide.
    @Test func theSlidingWindowIsAsLongAsTheConfigurationSays() throws {
        let reference = try SafetensorsFile(path: fixture("models/tiny.safetensors"))
        let ids = try #require(try reference.tensor("ids")).integers()
        let expected = try #require(try reference.tensor("tiny-gemma3"))
        let path = fixture("models/tiny-gemma3")
        let json = try Data(contentsOf: URL(filePath: path).appending(path: "config.json"))
        var configuration = try ModelConfiguration(json: json, source: path)
        #expect(configuration.slidingWindow?.layers == [true, false, true])
        for length in [15, 17] {
            configuration.slidingWindow?.length = length
            let model = try CausalLM(
                configuration: configuration, weights: SafetensorsFolder(path: path), adapter: nil, device: .cpu,
                precision: .float32)
            let logits = try model.logits([.init(tokens: ids, cache: model.makeCache())], allPositions: true)
            let first = try Tensor(Array(0..<15))
            #expect(try relativeDifference(logits.selected(0, first), expected.selected(0, first)) < 1e-5)
            #expect(try relativeDifference(logits, expected) > 1e-4)
        }
    }

    /// Lower precision stays near: rounding to 8 bits on both sides of every product, on a model with random weights.
    @Test(arguments: models) func lowerPrecisionStaysNear(name: String) throws {
        let reference = try SafetensorsFile(path: fixture("models/tiny.safetensors"))
        let ids = try #require(try reference.tensor("ids")).integers()
        let expected = try #require(try reference.tensor(name))
        for (precision, kernels) in [(Precision.int8, true), (.bfloat16, true), (.bfloat16, false)] {
            // Its heads are 12 wide: the kernels do not take them.
            if precision == .int8, name == "tiny-qwen2" { continue }
            let model = try makeModel(name, kernels: kernels, precision: precision)
            let logits = try model.logits([.init(tokens: ids, cache: model.makeCache())], allPositions: true)
            let difference = try relativeDifference(logits, expected)
            #expect(difference < 0.1 && difference > 1e-5)
        }
    }

    @Test(
        arguments: ["SmolLM2-135M-Instruct-Q4_1", "Qwen2.5-Coder-0.5B-Instruct-Q4_K_M", "gemma-3-270m-Q4_K_M"])
    func realModelsGiveTheReferenceLogitsAndContinuations(name: String) throws {
        guard let path = cachedModel("\(name).gguf") else {
            print("note: \(name).gguf is not in the cache; its parity test is skipped (scripts/fetch-model)")
            return
        }
        let reference = try SafetensorsFile(path: fixture("models/\(name).safetensors"))
        func tensor(_ name: String) throws -> Tensor { try #require(try reference.tensor(name)) }
        let model = try CausalLM(path: path)
        let ids = try tensor("ids").integers()
        let logits = try model.logits([
            .init(tokens: ids, cache: model.makeCache(), outputCount: tensor("logits").shape[0])
        ])
        let difference = try relativeDifference(
            logits.selected(1, tensor("columns")), tensor("logits"), scale: tensor("scale"))
        #expect(difference < 1e-3)
        // The whole vocabulary, where the generator's --full output is at hand.
        if let folder = ProcessInfo.processInfo.environment["COE_FULL_PARITY"] {
            let full = try SafetensorsFile(path: "\(folder)/\(name).safetensors")
            let difference = try relativeDifference(logits, #require(try full.tensor("logits")))
            print("\(name): largest relative difference over all logits \(difference)")
            #expect(difference < 1e-3)
        }

        // The ten prompts advance together, as a batch does.
        let prompts = try tensor("prompts").integers()
        let expected = try tensor("continuations").integers()
        let caches = (0..<10).map { _ in model.makeCache() }
        var next = try model.logits(
            (0..<10).map { .init(tokens: Array(prompts[$0 * 12..<$0 * 12 + 12]), cache: caches[$0]) }
        ).argmax(1).integers()
        var continuations = next.map { [$0] }
        for _ in 1..<64 {
            next = try model.logits((0..<10).map { .init(tokens: [next[$0]], cache: caches[$0]) }).argmax(1).integers()
            for row in 0..<10 { continuations[row].append(next[row]) }
        }
        #expect(continuations.flatMap { $0 } == expected)
    }
}

@Suite struct ModelErrorTests {
    @Test func sizesThatInt8DoesNotTakeAreNamed() throws {
        #expect { try CausalLM(path: fixture("models/tiny-qwen2"), precision: .int8) } throws: {
            "\($0)".contains("has sizes that int8 does not support")
        }
    }

    @Test func aModelInInt8TakesNoFurtherAdapter() throws {
        let model = try CausalLM(path: fixture("models/tiny-llama3"), precision: .int8)
        #expect(throws: LanguageModelError.self) {
            try model.merged(with: LoRAAdapter(path: fixture("models/tiny-adapter")))
        }
    }

    /// Steps of Gemma's larger and older relatives that would give other logits.
    @Test func whatIsNotComputedAsAskedIsRefused() throws {
        let file = URL(filePath: fixture("models/tiny-gemma3/config.json"))
        func configuration(_ edit: (inout [String: Any]) -> Void) throws -> ModelConfiguration {
            var json = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
            edit(&json)
            return try ModelConfiguration(json: JSONSerialization.data(withJSONObject: json), source: "config.json")
        }
        func refuses(_ part: String, _ edit: (inout [String: Any]) -> Void) {
            #expect { try configuration(edit) } throws: { "\($0)".contains(part) }
        }
        refuses("of type gemma3;") { $0["model_type"] = "gemma3" }
        // As it is published: the sizes lie deeper.
        refuses("of type gemma3;") { $0 = ["model_type": "gemma3", "text_config": $0] }
        refuses("soft caps") { $0["final_logit_softcapping"] = 30.0 }
        refuses("attention in both directions") { $0["use_bidirectional_attention"] = true }
        refuses("the activation relu") { $0["hidden_activation"] = "relu" }
        refuses("does not give sliding_window") { $0["sliding_window"] = nil }
        refuses("whether they have a window") { $0["layer_types"] = ["full_attention"] }
        refuses("the RoPE scaling dynamic") {
            $0["rope_parameters"] = ["full_attention": ["rope_type": "dynamic", "rope_theta": 1e6, "factor": 8.0]]
        }
        refuses("by yarn beside a sliding window") {
            $0["rope_parameters"] = ["full_attention": ["rope_type": "yarn", "rope_theta": 1e6, "factor": 8.0]]
        }
        refuses("RoPE of layers with a sliding window") {
            $0["rope_parameters"] = ["sliding_attention": ["rope_type": "linear", "rope_theta": 1e4, "factor": 8.0]]
        }
        // What earlier versions of Transformers wrote.
        let old = try configuration {
            $0["rope_parameters"] = nil
            $0["layer_types"] = nil
            $0["num_hidden_layers"] = 7
            $0["rope_theta"] = 2e6
            $0["rope_local_base_freq"] = 3e4
        }
        #expect(old.slidingWindow?.layers == [true, true, true, true, true, false, true])
        #expect(old.ropeBase == 2e6 && old.slidingWindow?.ropeBase == 3e4)
    }

    @Test func anAdapterOfAnotherModelIsRefused() throws {
        #expect {
            try CausalLM(path: fixture("models/tiny-qwen2"), adapter: fixture("models/tiny-adapter"))
        } throws: {
            "\($0)".contains("was made for another model")
        }
    }

    @Test func aFolderWithoutAnAdapterIsRefused() throws {
        #expect { try LoRAAdapter(path: fixture("models/tiny-qwen2")) } throws: {
            "\($0)".contains("holds no adapter_config.json")
        }
    }

    @Test func aFileThatIsNoModelIsRefused() throws {
        try withTemporaryFile(Array("import this\n".utf8)) { path in
            #expect { try CausalLM(path: path) } throws: { "\($0)".contains("is not a GGUF file") }
        }
    }

    @Test func aGGUFWithoutAModelIsRefused() throws {
        #expect { try CausalLM(path: fixture("tensors/formats.gguf")) } throws: {
            "\($0)".contains("holds no token embeddings")
        }
    }

    @Test func aConversationLongerThanTheContextIsRefused() throws {
        let model = try CausalLM(path: fixture("models/tiny-qwen2"))
        #expect {
            try model.logits([.init(tokens: Array(repeating: 1, count: 513), cache: model.makeCache())])
        } throws: {
            "\($0)".contains("513 tokens, more than the model's context of 512")
        }
    }

    @Test func aTokenOutsideTheVocabularyIsRefused() throws {
        let model = try CausalLM(path: fixture("models/tiny-qwen2"))
        #expect(throws: LanguageModelError.self) {
            try model.logits([.init(tokens: [320], cache: model.makeCache())])
        }
    }
}
