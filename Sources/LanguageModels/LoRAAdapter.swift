import FoundationEssentials
public import Tensors

/// A LoRA adapter in PEFT's layout: `adapter_config.json` and `adapter_model.safetensors`.
///
/// Keys are `base_model.model.` + the Hugging Face name of a linear layer + `.lora_A.weight [rank, in]` and
/// `.lora_B.weight [out, rank]`; the layer's weight becomes `W + scale · B A`, with `scale = alpha / rank`
/// (`alpha / √rank` with `use_rslora`).
public struct LoRAAdapter: Sendable {
    /// The folder, for messages.
    public let path: String
    /// The inner width of each pair of matrices.
    public let rank: Int
    /// The factor of each product `B A`.
    public let scale: Double
    /// The pairs of matrices by the name of the linear layer, for example `model.layers.0.self_attn.q_proj`.
    public let layers: [String: (a: Tensor, b: Tensor)]

    init(path: String, rank: Int, scale: Double, layers: [String: (a: Tensor, b: Tensor)]) {
        self.path = path
        self.rank = rank
        self.scale = scale
        self.layers = layers
    }

    /// Reads a PEFT folder.
    ///
    /// - Throws: ``LanguageModelError`` with `adapterMismatch` for a folder that holds no plain LoRA adapter.
    public init(path: String) throws {
        func failure(_ what: String) -> LanguageModelError { LanguageModelError(.adapterMismatch, "\(path) \(what).") }
        let folder = URL(filePath: path)
        struct Configuration: Decodable {
            var peftType: String?
            var r: Int
            var loraAlpha: Double
            var useRslora: Bool?
            var useDora: Bool?
            var modulesToSave: [String]?
        }
        guard let data = try? Data(contentsOf: folder.appending(path: "adapter_config.json")) else {
            throw failure("is not an adapter: it holds no adapter_config.json")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let configuration = try? decoder.decode(Configuration.self, from: data), configuration.r > 0 else {
            throw failure("has an adapter_config.json without a usable rank and alpha")
        }
        guard configuration.peftType ?? "LORA" == "LORA", configuration.useDora != true,
            configuration.modulesToSave?.isEmpty ?? true
        else {
            throw failure("is not a plain LoRA adapter (DoRA, other PEFT types and modules_to_save are not supported)")
        }
        let file = try SafetensorsFile(
            path: folder.appending(path: "adapter_model.safetensors").path(percentEncoded: false))

        var layers: [String: (a: Tensor, b: Tensor)] = [:]
        for key in file.entries.keys where key.hasSuffix(".lora_A.weight") {
            let stem = String(key.dropLast(".lora_A.weight".count))
            let prefix = "base_model.model."
            guard stem.hasPrefix(prefix), let a = try file.tensor(key),
                let b = try file.tensor(stem + ".lora_B.weight"),
                a.shape.count == 2, b.shape.count == 2, a.shape[0] == b.shape[1]
            else {
                throw failure("has a broken pair of matrices at \(stem)")
            }
            layers[String(stem.dropFirst(prefix.count))] = (a, b)
        }
        guard !layers.isEmpty, layers.count * 2 == file.entries.count else {
            throw failure("holds \(file.entries.count) tensors that are not pairs of LoRA matrices")
        }
        self.path = path
        rank = configuration.r
        let divisor = configuration.useRslora == true ? Double(rank).squareRoot() : Double(rank)
        scale = configuration.loraAlpha / divisor
        self.layers = layers
    }

    /// The adapter's change of the weight `[out, in]` of `layer`; nil where it leaves that layer alone.
    func delta(for layer: String, shape: [Int]) throws -> Tensor? {
        guard let (a, b) = layers[layer] else { return nil }
        guard [b.shape[0], a.shape[1]] == shape else {
            throw LanguageModelError(
                .adapterMismatch,
                "\(path) was made for another model: its \(layer) is \(b.shape[0]) × \(a.shape[1]), the model's is "
                    + "\(shape.map(String.init).joined(separator: " × ")).")
        }
        return try b.to(.float32).matmul(a.to(.float32)) * scale
    }
}
