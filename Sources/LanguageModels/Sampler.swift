import Tensors

/// How the next token is chosen.
public struct SamplingOptions: Hashable, Sendable {
    /// 0 takes the likeliest token; 1 samples from the model's own distribution.
    public var temperature: Double
    /// Only the likeliest tokens that together have this probability (nucleus sampling); 1 keeps all.
    public var topP: Double
    /// Only tokens at least this likely relative to the likeliest; 0 keeps all.
    public var minP: Double
    public var seed: UInt64

    public init(temperature: Double = 0, topP: Double = 1, minP: Double = 0, seed: UInt64 = 0) {
        self.temperature = temperature
        self.topP = topP
        self.minP = minP
        self.seed = seed
    }
}

/// Chooses tokens; equal seeds and logits give equal choices.
struct Sampler: Sendable {
    let options: SamplingOptions
    private var random: SplitMix64

    init(_ options: SamplingOptions) {
        self.options = options
        random = SplitMix64(state: options.seed)
    }

    /// A token for `logits [vocabulary]`, and its log-probability under the model at the sampling temperature
    /// (at temperature 1 for greedy choices), before top-p and min-p take anything away.
    mutating func sample(_ logits: Tensor) throws -> (token: Int, logProbability: Float) {
        let isGreedy = options.temperature <= 0
        let logProbabilities = try (isGreedy ? logits : logits / options.temperature).logSoftmax(0)
        let token: Tensor
        if isGreedy {
            token = try logProbabilities.argmax(0, keepingDimension: true)
        } else if options.topP < 1 {
            let (values, indices) = try logProbabilities.sortedDescending(0)
            let probabilities = try values.to(.float64).exp()
            // A token stays when those before it have not reached top-p; the likeliest always stays.
            let before = try probabilities.cumulativeSum(0) - probabilities
            let kept = try probabilities.kept(where: before .< options.topP, otherwise: 0)
            token = try indices.selected(0, draw(from: kept, likeliest: values.narrowed(0, 0..<1)))
        } else {
            let likeliest = try logProbabilities.maximum(0, keepingDimension: true)
            token = try draw(from: logProbabilities.to(.float64).exp(), likeliest: likeliest)
        }
        let chosen = try logProbabilities.gathered(0, token)
        return (try token.integers()[0], try chosen.floats()[0])
    }

    /// An index with a chance in proportion to `weights [n]`, `[1]`; `likeliest` is the greatest log-probability.
    private mutating func draw(from weights: Tensor, likeliest: Tensor) throws -> Tensor {
        var weights = weights
        if options.minP > 0 {
            let floor = try likeliest.to(.float64).exp() * options.minP
            weights = try weights.kept(where: weights .>= floor, otherwise: 0)
        }
        let cumulative = try weights.cumulativeSum(0)
        let total = try cumulative.narrowed(0, weights.count - 1..<weights.count)
        return try cumulative.firstIndexAbove(total * random.nextUnit())
    }
}

/// A small generator of random numbers with one word of state (Steele, Lea, Flood, OOPSLA 2014).
struct SplitMix64: RandomNumberGenerator, Sendable {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to 1, not included.
    mutating func nextUnit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
