#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The family, sizes and constants of a Llama-type transformer.
public struct ModelConfiguration: Hashable, Sendable {
    /// Layers that see the last tokens alone and have rotary frequencies of their own (Gemma 3).
    public struct SlidingWindow: Hashable, Sendable {
        /// The most tokens that a token sees, itself included.
        public var length: Int
        /// For each layer whether it has the window.
        public var layers: [Bool]
        /// The base of the rotary frequencies of these layers.
        public var ropeBase: Double
    }

    /// The family, which decides how the layers compute.
    public let family: ModelFamily
    /// The width of the residual stream.
    public var hiddenSize: Int
    /// The width inside the feed-forward layers.
    public var intermediateSize = 0
    /// The number of transformer blocks.
    public var layerCount = 0
    /// The query heads of a layer.
    public var headCount: Int
    /// The key and value heads of a layer, a divisor of ``headCount``.
    public var keyValueHeadCount: Int
    /// The width of a head.
    public var headWidth: Int
    /// The number of tokens that the model knows.
    public var vocabularySize = 0
    /// The most tokens of a conversation.
    public var contextLength = 0
    /// The number that keeps a norm from dividing by zero.
    public var rmsNormEpsilon = 1e-5
    /// The base of the rotary frequencies.
    public var ropeBase: Double
    /// The stretching of the rotary frequencies; nil for none.
    public var ropeScaling: RopeScaling?
    /// The layers with a sliding window; nil for none.
    public var slidingWindow: SlidingWindow?
    /// The number whose root divides attention scores: the width of a head, except in some Gemmas.
    public var queryScalar: Int
    /// Whether the token embeddings are also the output head.
    public var tiesEmbeddings: Bool
    /// The linear layers that have a bias.
    public var biasedModules: Set<LinearModule>

    /// The family's defaults for a model of these sizes; the readers of files set the rest and then validate.
    init(_ family: ModelFamily, hiddenSize: Int, headCount: Int, headWidth: Int?) {
        self.family = family
        self.hiddenSize = hiddenSize
        self.headCount = headCount
        self.headWidth = headWidth ?? hiddenSize / max(1, headCount)
        keyValueHeadCount = headCount
        ropeBase = family.ropeBase
        queryScalar = self.headWidth
        tiesEmbeddings = family.tiesEmbeddings
        biasedModules = family.hasAttentionBias ? [.query, .key, .value] : []
    }

    /// The largest size that a file may give.
    static let largestSize = 1 << 24

    /// - Parameter source: The file's name for messages.
    /// - Throws: ``LanguageModelError`` with `modelNotReadable` for sizes that no transformer can have.
    func validate(source: String) throws {
        let sizes = [
            hiddenSize, intermediateSize, layerCount, headCount, keyValueHeadCount, headWidth, vocabularySize,
            contextLength, queryScalar,
        ]
        guard slidingWindow?.layers.count ?? layerCount == layerCount else {
            throw LanguageModelError(
                .modelNotReadable, "\(source) says of another number of layers than it has whether they have a window.")
        }
        guard sizes.allSatisfy({ (1...Self.largestSize).contains($0) }), headCount % keyValueHeadCount == 0,
            headWidth % 2 == 0
        else {
            throw LanguageModelError(.modelNotReadable, "\(source) gives sizes that no transformer can have.")
        }
        let bases = [ropeBase, slidingWindow?.ropeBase ?? 1, rmsNormEpsilon]
        guard bases.allSatisfy({ $0.isFinite && $0 > 0 }), ropeBase > 1 else {
            throw LanguageModelError(
                .modelNotReadable, "\(source) gives a RoPE base or a norm's epsilon that is no usable number.")
        }
        if case .yarn? = ropeScaling, slidingWindow != nil {
            throw LanguageModelError(
                .unsupported, "\(source) scales RoPE by yarn beside a sliding window, which is not supported.")
        }
    }
}

// MARK: Derived

extension ModelConfiguration {
    /// The widths of all query heads, and of all key heads, side by side.
    var queryWidth: Int { headCount * headWidth }
    var keyWidth: Int { keyValueHeadCount * headWidth }

    /// The factor of attention scores.
    var attentionScale: Double { (ropeScaling?.scoreFactor ?? 1) / Double(queryScalar).squareRoot() }

    /// Whether `layer` sees the last tokens alone.
    func hasSlidingWindow(_ layer: Int) -> Bool { slidingWindow?.layers[layer] ?? false }

    /// The rotary angle per position of each pair of components, `[headWidth / 2]`, in radians.
    var inverseFrequencies: [Float] {
        let plain = frequencies(base: ropeBase)
        return (ropeScaling?.stretched(plain, base: ropeBase) ?? plain).map(Float.init)
    }

    /// The same of the layers with a sliding window; nil without such layers.
    var slidingFrequencies: [Float]? { slidingWindow.map { frequencies(base: $0.ropeBase).map(Float.init) } }

    private func frequencies(base: Double) -> [Double] {
        (0..<headWidth / 2).map { (pair: Int) -> Double in
            let exponent = Double(2 * pair) / Double(headWidth)
            return 1 / pow(base, exponent)
        }
    }
}
