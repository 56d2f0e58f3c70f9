/// A family of Llama-type models: all its differences from the other families, as one value.
///
/// The defaults describe a plain Llama-type transformer. A new family is one file in this folder and one line in ``all``.
public struct ModelFamily: Hashable, Sendable {
    /// The families that can be loaded.
    public static let all: [ModelFamily] = [.llama, .qwen2, .qwen3, .gemma3]

    // MARK: Names

    /// The family's name: `general.architecture` of a GGUF file.
    public let name: String
    /// `model_type` of a Hugging Face `config.json`.
    public let modelType: String
    /// The class that `architectures` of a written `config.json` names.
    let className: String

    // MARK: Weights

    /// The norms of a block and the names of their weights; a norm without a name is left out.
    var norms: [NormModule: NormNames] = [
        .attentionInput: NormNames("input_layernorm", gguf: "attn_norm"),
        .feedForwardInput: NormNames("post_attention_layernorm", gguf: "ffn_norm"),
    ]
    /// The number that a norm adds to its weights. GGUF files hold the sum.
    var normOffset = 0.0
    /// Whether the query, key and value layers always have biases; otherwise `attention_bias` of `config.json` says so.
    var hasAttentionBias = false
    /// Whether `mlp_bias` of `config.json` gives the feed-forward layers biases.
    var takesFeedForwardBias = false
    /// Whether GGUF files interleave the two halves of each query and key head, for ggml's RoPE on neighbours.
    var interleavesHeads = false
    /// Whether the token embeddings are the output head where `config.json` does not say.
    var tiesEmbeddings = false

    // MARK: Computation

    /// The activation of the feed-forward layers' gates.
    var activation = Activation.silu
    /// Whether `config.json` calls the activation `hidden_activation` and not `hidden_act`.
    var namesHiddenActivation = false
    /// Whether embeddings are multiplied by the root of the hidden size.
    var scalesEmbeddings = false
    /// The width of a head where `config.json` does not say; nil for the hidden size over the number of heads.
    var headWidth: Int?
    /// The number under the root that divides attention scores, where `config.json` does not say; nil for the width of a
    /// head, whatever `config.json` says.
    var queryScalar: Int?
    /// The base of the rotary frequencies where the file does not say.
    var ropeBase = 10_000.0
    /// The defaults of layers with a sliding window; nil for a family that has none.
    var slidingWindow: SlidingWindowDefaults?

    // MARK: Use

    /// The form in which the family answers best when it is asked for a whole program: `feedback` or `rewrite`.
    ///
    /// Measured for SmolLM2 and Qwen2.5, which repeats the faulty program when it is asked with `feedback` (LOG.md).
    public internal(set) var answerForm = "feedback"

    /// - Parameters:
    ///   - name: GGUF's name, and Hugging Face's unless `modelType` gives another one.
    ///   - differ: Sets the properties that are not the defaults.
    init(_ name: String, modelType: String? = nil, className: String, differ: (inout ModelFamily) -> Void = { _ in }) {
        self.name = name
        self.modelType = modelType ?? name
        self.className = className
        differ(&self)
    }
}

extension ModelFamily {
    /// An activation, by Hugging Face's name.
    enum Activation: String, Sendable {
        case silu
        /// GELU by its approximation with tanh.
        case gelu = "gelu_pytorch_tanh"
    }

    /// The names of a norm's weights in a block: Hugging Face's, and GGUF's.
    struct NormNames: Hashable, Sendable {
        let huggingFace: String
        let gguf: String

        init(_ huggingFace: String, gguf: String) {
            self.huggingFace = huggingFace
            self.gguf = gguf
        }
    }

    /// The defaults of layers with a sliding window.
    struct SlidingWindowDefaults: Hashable, Sendable {
        /// Every so many layers, one sees all tokens.
        var pattern: Int
        /// The base of the windowed layers' rotary frequencies.
        var ropeBase: Double
    }

    /// The names of the norms of queries and keys.
    static let headNorms: [NormModule: NormNames] = [
        .query: NormNames("self_attn.q_norm", gguf: "attn_q_norm"),
        .key: NormNames("self_attn.k_norm", gguf: "attn_k_norm"),
    ]

    /// The norm whose weights Hugging Face calls `name` in a block.
    func norm(named name: String) -> NormModule? { norms.first { $0.value.huggingFace == name }?.key }
}
