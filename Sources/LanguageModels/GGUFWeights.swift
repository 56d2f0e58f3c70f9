import Tensors

/// The weights of a GGUF file, with ggml's names and layout turned into Hugging Face's.
///
///     token_embd                 model.embed_tokens
///     output_norm, output        model.norm, lm_head
///     blk.N.NORM                 model.layers.N.NORM, as ``ModelFamily`` names the norms
///     blk.N.attn_q/k/v/output    model.layers.N.self_attn.q/k/v/o_proj
///     blk.N.ffn_gate/up/down     model.layers.N.mlp.gate/up/down_proj
struct GGUFWeights: WeightSource {
    let file: GGUFFile
    let configuration: ModelConfiguration
    private let isRead = ReadNames()

    init(file: GGUFFile, configuration: ModelConfiguration) {
        self.file = file
        self.configuration = configuration
    }

    var path: String { file.path }

    private static let names = [
        "model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
        "lm_head.weight": "output.weight", "rope_freqs.weight": "rope_freqs.weight",
    ]

    /// llama.cpp's biases may be missing one by one.
    var lacksZeroBiases: Bool { true }

    func weight(_ name: String) throws -> Tensor? {
        if let stored = Self.names[name] { return try name == "model.norm.weight" ? norm(stored) : read(stored) }
        guard let place = BlockWeightName(name) else { return nil }
        func stored(_ module: String) -> String { "blk.\(place.layer).\(module).\(place.parameter)" }
        let family = configuration.family
        if let names = family.norm(named: place.module).flatMap({ family.norms[$0] }) {
            return try norm(stored(names.gguf))
        }
        guard let module = LinearModule(rawValue: place.module), let tensor = try read(stored(module.ggufName))
        else { return nil }
        guard family.interleavesHeads, module == .query || module == .key else { return tensor }
        let shape = tensor.shape
        let heads = shape[0] / configuration.headWidth
        return try tensor.reshaped([heads, configuration.headWidth / 2, 2, -1]).transposed(1, 2).reshaped(shape)
    }

    private func read(_ name: String) throws -> Tensor? {
        isRead.insert(name)
        return try file.tensor(name)
    }

    /// As in llama.cpp, every tensor of a file is one of the model's own.
    var unread: [String] { file.entries.keys.filter { !isRead($0) && !$0.hasSuffix(".attn_rot_embd.weight") } }

    /// A norm's weights without the number that the norm adds.
    private func norm(_ name: String) throws -> Tensor? {
        let offset = configuration.family.normOffset
        return try read(name).map { offset == 0 ? $0 : try $0 - offset }
    }

    func forEachPiece(of name: String, _ body: (Tensor) throws -> Void) throws {
        switch name {
        case "model.embed_tokens.weight", "lm_head.weight":
            isRead.insert(Self.names[name] ?? name)
            try file.forEachPiece(of: Self.names[name] ?? name, body)
        default: if let whole = try weight(name) { try body(whole) }
        }
    }
}
