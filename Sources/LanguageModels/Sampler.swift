import Tensors

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
