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

/// Decides the choices of one conversation; equal seeds and logits give equal choices.
struct Sampler: Sendable {
    let options: SamplingOptions
    private var random: SplitMix64

    init(_ options: SamplingOptions) {
        self.options = options
        random = SplitMix64(state: options.seed)
    }

    /// The next choice, among the allowed tokens.
    ///
    /// - Parameter temperature: another one than the options'.
    mutating func next(allowed: TokenList?, temperature: Double? = nil) -> TokenChoice {
        let temperature = temperature ?? options.temperature
        return TokenChoice(
            allowed: allowed, temperature: temperature, topP: options.topP, minP: options.minP,
            uniform: temperature > 0 ? random.nextUnit() : 0)
    }
}

extension Tensor {
    /// A token for each row of logits `[n, vocabulary]`, and its log-probability, as ``choose(_:)`` defines them.
    func chosen(_ choices: [TokenChoice]) throws -> [(token: Int, logProbability: Float)] {
        if device == .cpu { return try choose(choices) }
        return try choices.enumerated().map { row, choice in
            try narrowed(0, row..<row + 1).reshaped([-1]).chosen(choice)
        }
    }

    /// The same for one row `[vocabulary]` by libtorch's operations, on any device.
    func chosen(_ choice: TokenChoice) throws -> (token: Int, logProbability: Float) {
        var logits = self
        if let allowed = choice.allowed { logits = try selected(0, Tensor(allowed.tokens).to(.int64, on: device)) }
        let isGreedy = choice.temperature <= 0
        let logProbabilities = try (isGreedy ? logits : logits / choice.temperature).logSoftmax(0)
        let place: Tensor
        if isGreedy {
            place = try logProbabilities.argmax(0, keepingDimension: true)
        } else if choice.topP < 1 {
            let (values, indices) = try logProbabilities.sortedDescending(0)
            let probabilities = try values.to(.float64).exp()
            // A token stays when those before it have not reached top-p; the likeliest always stays.
            let before = try probabilities.cumulativeSum(0) - probabilities
            let kept = try probabilities.kept(where: before .< choice.topP, otherwise: 0)
            place = try indices.selected(0, kept.drawn(choice, likeliest: values.narrowed(0, 0..<1)))
        } else {
            let likeliest = try logProbabilities.maximum(0, keepingDimension: true)
            place = try logProbabilities.to(.float64).exp().drawn(choice, likeliest: likeliest)
        }
        let index = try place.integers()[0]
        let logProbability = try logProbabilities.gathered(0, place).floats()[0]
        return (choice.allowed?[index] ?? index, logProbability)
    }

    /// An index with a chance in proportion to these weights `[n]`, `[1]`; `likeliest` is the greatest log-probability.
    private func drawn(_ choice: TokenChoice, likeliest: Tensor) throws -> Tensor {
        var weights = self
        if choice.minP > 0 {
            let floor = try likeliest.to(.float64).exp() * choice.minP
            weights = try weights.kept(where: weights .>= floor, otherwise: 0)
        }
        let cumulative = try weights.cumulativeSum(0)
        let total = try cumulative.narrowed(0, weights.count - 1..<weights.count)
        return try cumulative.firstIndexAbove(total * choice.uniform)
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
