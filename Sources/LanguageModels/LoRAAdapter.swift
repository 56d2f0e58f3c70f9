import FoundationEssentials
public import Tensors

/// A LoRA adapter in PEFT's layout: `adapter_config.json` and `adapter_model.safetensors`.
///
/// Keys are `base_model.model.` + the Hugging Face name of a linear layer + `.lora_A.weight [rank, in]` and
/// `.lora_B.weight [out, rank]`; the layer's weight becomes `W + scale · B A`, with `scale = alpha / rank`
/// (`alpha / √rank` with `use_rslora`). With DoRA (Liu et al., arXiv 2402.09353) each row of that is then scaled to the
/// length in `.lora_magnitude_vector [out]`. Whole weights (`modules_to_save`) take the place of the model's.
public struct LoRAAdapter: Sendable {
    /// The folder, for messages.
    public let path: String
    /// The inner width of each pair of matrices, where a layer has no other.
    public let rank: Int
    /// The factor of each product `B A`, where a layer has no other.
    public let scale: Double
    /// The pairs of matrices by the name of the linear layer, for example `model.layers.0.self_attn.q_proj`.
    public let layers: [String: (a: Tensor, b: Tensor)]
    /// The factors of the layers with another than ``scale``.
    private(set) var scales: [String: Double] = [:]
    /// DoRA's lengths of the rows, `[out]`, by the name of the layer; empty without DoRA.
    private(set) var magnitudes: [String: Tensor] = [:]
    /// Whole weights by their names in the model.
    private(set) var replacements: [String: Tensor] = [:]

    init(path: String, rank: Int, scale: Double, layers: [String: (a: Tensor, b: Tensor)]) {
        self.path = path
        self.rank = rank
        self.scale = scale
        self.layers = layers
    }

    /// Reads a PEFT folder.
    ///
    /// - Throws: ``LanguageModelError`` with `adapterMismatch` for a folder that holds no LoRA adapter, or one that asks
    ///   for something that is not supported.
    public init(path: String) throws {
        func failure(_ what: String) -> LanguageModelError { LanguageModelError(.adapterMismatch, "\(path) \(what).") }
        let configuration = try Self.configuration(path)
        let file = try Self.weights(path)
        let prefix = "base_model.model."
        let (first, second, length) = (".lora_A.weight", ".lora_B.weight", ".lora_magnitude_vector")
        var layers: [String: (a: Tensor, b: Tensor)] = [:]
        for key in file.entries.keys.sorted() {
            guard key.hasPrefix(prefix) else {
                throw failure("holds the tensor \(key), which is not named as PEFT does")
            }
            let name = String(key.dropFirst(prefix.count))
            if name.hasSuffix(first) {
                let layer = String(name.dropLast(first.count))
                guard let a = try file.tensor(key), let b = try file.tensor(prefix + layer + second),
                    a.shape.count == 2, b.shape.count == 2, a.shape[0] == b.shape[1]
                else { throw failure("has a broken pair of matrices at \(layer)") }
                guard try configuration.targets.contains(layer) else {
                    throw failure(
                        "holds matrices for \(layer), which its adapter_config.json leaves out (target_modules, "
                            + "exclude_modules, layers_to_transform, modules_to_save): add the layer there, or save "
                            + "the adapter without it")
                }
                let (rank, scale) = try configuration.scale(of: layer)
                guard a.shape[0] == rank else {
                    throw failure(
                        "has matrices of rank \(a.shape[0]) at \(layer), where its configuration says \(rank)")
                }
                layers[layer] = (a, b)
                scales[layer] = scale
            } else if name.hasSuffix(length) || name.hasSuffix(length + ".weight") {
                magnitudes[String(name[..<name.firstRange(of: length)!.lowerBound])] = try file.tensor(key)
            } else if name.hasSuffix(second) {
                guard file.entries[prefix + name.dropLast(second.count) + first] != nil else {
                    throw failure("has a broken pair of matrices at \(name.dropLast(second.count))")
                }
            } else if name.contains("lora_") || name.contains(".base_layer.") {
                throw failure("holds the tensor \(key), which is not supported")
            } else {
                replacements[name] = try file.tensor(key)
            }
        }
        guard !layers.isEmpty || !replacements.isEmpty else { throw failure("holds no LoRA matrices") }
        let (whole, saved) = (replacements.keys.sorted(), configuration.targets.saved)
        // PEFT's name for the weight of a layer with matrices is another, so that it would drop this one.
        if let name = whole.first(where: { layers[String($0[..<($0.lastIndex(of: ".") ?? $0.endIndex)])] != nil }) {
            throw failure("holds \(name) whole beside matrices for it; save the adapter with one of them")
        }
        if let name = saved.first(where: { module in !whole.contains { $0.contains("\(module).") } }) {
            throw failure("names \(name) in modules_to_save and does not hold its weights; save the adapter anew")
        }
        guard Set(magnitudes.keys) == (configuration.usesDoRA ? Set(layers.keys) : []) else {
            throw failure("does not have DoRA's lengths for just the layers that its configuration says")
        }
        self.path = path
        self.rank = configuration.rank
        self.layers = layers
        let standard =
            configuration.alpha
            / (configuration.usesRootOfRank ? Double(rank).squareRoot() : Double(rank))
        scale = standard
        scales = scales.filter { $0.value != standard }
    }

    /// The model that an adapter says it was trained on; nil where it does not say.
    ///
    /// - Throws: ``LanguageModelError`` with `adapterMismatch` for a folder that holds no adapter that can be used.
    public static func baseModel(of path: String) throws -> String? { try configuration(path).baseModel }

    private static func weights(_ path: String) throws -> SafetensorsFile {
        func file(_ name: String) -> String { URL(filePath: path).appending(path: name).path(percentEncoded: false) }
        func isThere(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name)) }
        let name = "adapter_model.safetensors"
        guard isThere(name) else {
            let advice =
                isThere("adapter_model.bin")
                ? "adapter_model.bin is not read, so save it anew by PEFT's save_pretrained()"
                : "copy the whole folder that PEFT's save_pretrained() wrote"
            throw LanguageModelError(.adapterMismatch, "\(path) lacks \(name): \(advice).")
        }
        return try SafetensorsFile(path: file(name))
    }

    private static func configuration(_ path: String) throws -> PEFTConfiguration {
        guard let data = try? Data(contentsOf: URL(filePath: path).appending(path: "adapter_config.json")) else {
            throw LanguageModelError(
                .adapterMismatch, "\(path) is not an adapter: it holds no adapter_config.json.")
        }
        return try PEFTConfiguration(json: data, source: path)
    }

    /// Whether each layer's weight is `W + scale · B A` with the same rank and scale, and all else is the model's.
    var isPlain: Bool { scales.isEmpty && magnitudes.isEmpty && replacements.isEmpty }

    /// Whether the adapter changes the weight `name`.
    func changes(_ name: String) -> Bool {
        replacements[name] != nil || name.hasSuffix(".weight") && layers[String(name.dropLast(".weight".count))] != nil
    }

    /// The adapter's change of the weight `[out, in]` of `layer`; nil where it leaves that layer alone.
    func change(of layer: String, shape: [Int]) throws -> LoRAChange? {
        guard let (a, b) = layers[layer] else { return nil }
        guard [b.shape[0], a.shape[1]] == shape, magnitudes[layer].map({ $0.shape == [shape[0]] }) ?? true else {
            throw LanguageModelError(
                .adapterMismatch,
                "\(path) was made for another model: its \(layer) is \(b.shape[0]) × \(a.shape[1]), the model's is "
                    + "\(shape.map(String.init).joined(separator: " × ")).")
        }
        return LoRAChange(
            delta: try b.to(.float32).matmul(a.to(.float32)) * (scales[layer] ?? scale), magnitude: magnitudes[layer])
    }
}
