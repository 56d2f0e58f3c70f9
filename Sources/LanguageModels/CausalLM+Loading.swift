import FoundationEssentials
public import Tensors

extension CausalLM {
    /// Loads a model.
    ///
    /// - Parameters:
    ///   - path: A GGUF file, or a folder in the Hugging Face layout (`config.json`, safetensors).
    ///   - adapter: A PEFT folder, merged into the weights.
    ///   - quantizesProducts: Whether training multiplies by the weights of the layers in 8-bit integers, and so holds
    ///     copies of them; for a CPU.
    ///   - families: The families that are known.
    /// - Throws: ``LanguageModelError`` for a model or an adapter that cannot be used, `TensorError` for a broken file.
    public convenience init(
        path: String, adapter: String? = nil, device: Device = .cpu, precision: Precision = .float32,
        quantizesProducts: Bool = false, families: [ModelFamily] = ModelFamily.all
    ) throws {
        let configuration: ModelConfiguration
        let weights: any WeightSource
        let config = URL(filePath: path).appending(path: "config.json")
        if FileManager.default.isFolder(path) {
            guard let json = try? Data(contentsOf: config) else {
                throw LanguageModelError(
                    .modelNotReadable,
                    FileManager.default.fileExists(atPath: "\(path)/adapter_config.json")
                        ? "\(path) is an adapter, not a model: name it with --adapter."
                        : "\(path) holds no config.json, so it is not a model in Hugging Face's layout.")
            }
            configuration = try ModelConfiguration(
                json: json, source: config.path(percentEncoded: false), families: families)
            weights = try SafetensorsFolder(path: path)
        } else {
            let file = try GGUFFile(path: path)
            configuration = try ModelConfiguration(gguf: file, families: families)
            weights = GGUFWeights(file: file, configuration: configuration)
        }
        try self.init(
            configuration: configuration, weights: weights, adapter: adapter.map(LoRAAdapter.init(path:)),
            device: device, precision: precision, quantizesProducts: quantizesProducts)
    }
}

extension FileManager {
    /// Whether `path` is a folder.
    func isFolder(_ path: String) -> Bool {
        (try? attributesOfItem(atPath: path))?[.type] as? FileAttributeType == .typeDirectory
            || fileExists(atPath: path + "/.")
    }
}

extension WeightLoader {
    /// A transformer block.
    mutating func layer(
        _ index: Int, of configuration: ModelConfiguration, quantizes: Bool
    ) throws -> CausalLM.Layer {
        let family = configuration.family
        var norms: [NormModule: Tensor] = [:]
        for (module, name) in family.norms {
            let isOfHeads = module == .query || module == .key
            norms[module] = try norm(
                "model.layers.\(index).\(name.huggingFace).weight",
                isOfHeads ? configuration.headWidth : configuration.hiddenSize, offset: family.normOffset)
        }
        var groups: [Linear] = []
        var modules: [LinearModule: Linear] = [:]
        for group in LinearGroup.allCases {
            let parts = group.modules.map { (name: $0.name(layer: index), shape: configuration.shape(of: $0)) }
            let biases =
                group.modules.contains(where: configuration.biasedModules.contains)
                ? try parts.map { try bias($0.name + ".bias", $0.shape.out) } : []
            let whole = try Linear(
                weight: weight(parts.map { ($0.name + ".weight", $0.shape.out) }, inputs: parts[0].shape.in),
                bias: biases.isEmpty
                    ? nil : Tensor.concatenated(biases, dimension: 0).to(precision.dtype, on: device),
                quantizes: quantizes)
            groups.append(whole)
            var start = 0
            for (module, part) in zip(group.modules, parts) {
                modules[module] = parts.count == 1 ? whole : try whole.rows(start..<start + part.shape.out)
                start += part.shape.out
            }
        }
        return CausalLM.Layer(norms: norms, groups: groups, modules: modules)
    }

    /// The factors `[count]` of a norm: in the activations' type, with an offset in 32-bit floats, as Gemma keeps them.
    mutating func norm(_ name: String, _ count: Int, offset: Double) throws -> Tensor {
        let weight = try tensor(name, shape: [count])
        return offset == 0
            ? try weight.to(activations, on: device) : try weight.to(.float32, on: device) + offset
    }
}
