import FoundationEssentials
import JSONKeys

/// `adapter_config.json` of PEFT: what it says about a LoRA adapter's product.
///
/// A key that changes the result and is not followed here is refused by name, and so is a key that is not known.
/// Source: PEFT 0.21, `tuners/lora/config.py`, `tuners/lora/layer.py`.
struct PEFTConfiguration {
    /// The inner width of each pair of matrices, and the number over it that scales their product.
    let rank: Int
    let alpha: Double
    /// Whether the product is scaled by `alpha / √rank` instead of `alpha / rank`.
    let usesRootOfRank: Bool
    /// Whether each row of an adapted weight is scaled to a learned length (DoRA).
    let usesDoRA: Bool
    /// The model that the adapter was trained on, as it was named.
    let baseModel: String?
    /// The layers that have matrices.
    let targets: PEFTTargets
    /// Other ranks and alphas of the layers whose names end in a pattern.
    private let rankPattern, alphaPattern: [String: Double]
    private let source: String

    /// Keys that change nothing for an adapter that is trained already.
    private static let harmless: Set<String> = [
        "auto_mapping", "base_model_name_or_path", "corda_config", "eva_config", "inference_mode", "loftq_config",
        "lora_dropout", "lora_ga_config", "megatron_config", "megatron_core", "peft_version", "qalora_group_size",
        "revision", "runtime_config", "task_type",
    ]
    /// Keys that may only be null, false or empty, and what they ask for.
    private static let refused: [String: String] = [
        "alora_invocation_tokens": "acts only behind its invocation tokens (aLoRA)", "arrow_config": "routes by Arrow",
        "fan_in_fan_out": "stores its weights transposed (fan_in_fan_out)", "kasa_config": "is KaSA",
        "layer_replication": "replicates layers", "lora_bias": "has biases (lora_bias)",
        "monteclora_config": "is MonteCLoRA", "target_parameters": "changes parameters outside linear layers",
        "trainable_token_indices": "changes single embeddings (trainable_token_indices)", "use_bdlora": "is BD-LoRA",
        "use_qalora": "is QALoRA", "velora_config": "is VeLoRA",
    ]
    private static let known: Set<String> = [
        "alpha_pattern", "bias", "ensure_weight_tying", "exclude_modules", "init_lora_weights", "layers_pattern",
        "layers_to_transform", "lora_alpha", "modules_to_save", "peft_type", "r", "rank_pattern", "target_modules",
        "use_dora", "use_rslora",
    ]
    private static let switches: Set<String> = ["ensure_weight_tying", "use_dora", "use_rslora"]
    /// What one can do with an adapter that PEFT alone computes.
    private static let advice =
        "which is not supported; merge it into its model by PEFT's merge_and_unload() and give the merged folder as --model"

    /// Ways to begin training that leave the base model's weights as they are.
    private static let beginnings: Set<String> = ["gaussian", "eva", "orthogonal"]

    /// - Parameter source: The adapter's folder, for messages.
    init(json: Data, source: String) throws {
        func failure(_ what: String) -> LanguageModelError {
            LanguageModelError(.adapterMismatch, "\(source) \(what).")
        }
        if let key = repeatedKey(inJSON: json) {
            throw failure("gives \(key) twice in its adapter_config.json; leave one of them")
        }
        let fields: [String: JSONField]
        do {
            fields = try JSONDecoder().decode([String: JSONField].self, from: json)
        } catch {
            throw failure("has an adapter_config.json that is not a JSON object")
        }
        let type = fields["peft_type"]?.string ?? "LORA"
        guard type == "LORA" else {
            throw failure("is an adapter of the type \(type); only LORA is supported: merge it, or train another")
        }
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) where !value.isNeutral {
            if let what = Self.refused[key] {
                // Such an adapter can't be merged: it acts on a part of the text.
                if key != "alora_invocation_tokens" { throw failure("\(what), \(Self.advice)") }
                throw failure("\(what), which is not supported; train a plain LoRA adapter")
            }
            if Self.switches.contains(key), !value.isTrue {
                throw failure("has a \(key) in its adapter_config.json that is neither true nor false")
            }
            guard Self.known.contains(key) || Self.harmless.contains(key) else {
                throw failure(
                    "has the key \(key) in its adapter_config.json, which is not known here and may change its result; "
                        + "remove the key if it does not, else merge the adapter by PEFT's merge_and_unload()")
            }
        }
        let bias = fields["bias"]?.string ?? "none"
        guard bias == "none" else {
            throw failure("changes the model's biases (bias: \(bias)), \(Self.advice)")
        }
        if let beginning = fields["init_lora_weights"]?.string, !Self.beginnings.contains(beginning) {
            throw failure(
                "was begun by \(beginning), which changes the base model's weights too; save it with PEFT's "
                    + "path_initial_model_for_weight_conversion to get plain LoRA")
        }
        guard let rank = fields["r"]?.number.flatMap(Int.init(exactly:)), (1...1 << 20).contains(rank),
            let alpha = fields["lora_alpha"]?.number, alpha.isFinite
        else { throw failure("has an adapter_config.json without a usable rank and alpha") }
        func pattern(_ key: String) throws -> [String: Double] {
            guard let value = fields[key], !value.isNeutral else { return [:] }
            guard let numbers = value.numbers else { throw failure("has a \(key) that does not give numbers by name") }
            return numbers
        }
        self.rank = rank
        self.alpha = alpha
        self.source = source
        usesRootOfRank = fields["use_rslora"]?.isTrue ?? false
        usesDoRA = fields["use_dora"]?.isTrue ?? false
        rankPattern = try pattern("rank_pattern")
        alphaPattern = try pattern("alpha_pattern")
        targets = try PEFTTargets(fields, source: source)
        let name = fields["base_model_name_or_path"]?.string
        baseModel = name?.isEmpty == true ? nil : name
        if fields["ensure_weight_tying"]?.isTrue == true, fields["modules_to_save"]?.isNeutral == false {
            throw failure("ties the modules that it saves (ensure_weight_tying), \(Self.advice)")
        }
    }

    /// The rank and the factor of a layer's product.
    ///
    /// - Parameter layer: The layer's name, `model.layers.0.self_attn.q_proj`.
    func scale(of layer: String) throws -> (rank: Int, scale: Double) {
        let rank = try value(for: layer, in: rankPattern, named: "rank_pattern").map { Int(exactly: $0) ?? 0 } ?? rank
        let alpha = try value(for: layer, in: alphaPattern, named: "alpha_pattern") ?? alpha
        guard rank > 0 else {
            throw LanguageModelError(.adapterMismatch, "\(source) gives \(layer) a rank that is no positive integer.")
        }
        return (rank, alpha / (usesRootOfRank ? Double(rank).squareRoot() : Double(rank)))
    }

    /// The value of the patterns that match a layer's name, as PEFT matches them: `(.*\.)?(PATTERN)$`.
    private func value(for layer: String, in patterns: [String: Double], named key: String) throws -> Double? {
        var values: Set<Double> = []
        for (pattern, value) in patterns {
            // Enough for names; a longer search, or a repeat of a group with repeats in it, could take for ever.
            let repeats = pattern.count { "*+{".contains($0) }
            guard pattern.utf8.count <= 200, repeats <= 3, !pattern.contains(/\)[*+{]|\(\?[^:]/) else {
                throw LanguageModelError(
                    .adapterMismatch,
                    "\(source) has a \(key) with \(pattern), which is more than patterns of names are.")
            }
            guard let expression = try? Regex("(.*\\.)?(\(pattern))") else {
                throw LanguageModelError(
                    .adapterMismatch, "\(source) has a \(key) with \(pattern), which is no regular expression.")
            }
            if (try? expression.wholeMatch(in: layer)) != nil { values.insert(value) }
        }
        guard values.count <= 1 else {
            throw LanguageModelError(
                .adapterMismatch, "\(source) has a \(key) in which several patterns match \(layer); leave one.")
        }
        return values.first
    }
}
