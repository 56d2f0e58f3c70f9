public import FoundationEssentials
public import Tensors

extension LoRAAdapter {
    /// Writes the adapter as a folder that PEFT, Transformers and vLLM load.
    ///
    /// - Parameters:
    ///   - folder: Created where it does not exist.
    ///   - baseModel: The value of `base_model_name_or_path`.
    ///   - dropout: The value of `lora_dropout`.
    ///   - dtype: 32-bit floats keep every bit; 16-bit floats halve the file.
    public func write(to folder: URL, baseModel: String, dtype: DType = .float32, dropout: Double = 0) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var tensors: [String: Tensor] = [:]
        for (name, pair) in layers {
            tensors["base_model.model.\(name).lora_A.weight"] = try pair.a.to(dtype)
            tensors["base_model.model.\(name).lora_B.weight"] = try pair.b.to(dtype)
        }
        try SafetensorsFile.write(tensors, to: folder.appending(path: "adapter_model.safetensors"))
        let modules = Set(layers.keys.compactMap { $0.split(separator: ".").last.map(String.init) })
        let configuration = WrittenAdapter(
            baseModelNameOrPath: baseModel, r: rank, loraAlpha: scale * Double(rank), loraDropout: dropout,
            targetModules: modules.sorted())
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try (encoder.encode(configuration) + [0x0A]).write(
            to: folder.appending(path: "adapter_config.json"), options: .atomic)
    }
}

/// `adapter_config.json` as PEFT writes it for plain LoRA.
private struct WrittenAdapter: Encodable {
    var baseModelNameOrPath: String
    var bias = "none"
    var fanInFanOut = false
    var inferenceMode = true
    var initLoraWeights = true
    var r: Int
    var loraAlpha: Double
    var loraDropout: Double
    var peftType = "LORA"
    var targetModules: [String]
    var taskType = "CAUSAL_LM"
    var useDora = false
    var useRslora = false
}
