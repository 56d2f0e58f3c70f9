/// How a conversation's tokens are chosen.
public struct SamplingOptions: Hashable, Sendable {
    /// 0 takes the likeliest token; 1 samples from the model's own distribution.
    public var temperature: Double
    /// Only the likeliest tokens that together have this probability (nucleus sampling); 1 keeps all.
    public var topP: Double
    /// Only tokens at least this likely relative to the likeliest; 0 keeps all.
    public var minP: Double
    /// The seed of the random numbers; equal seeds and logits give equal tokens.
    public var seed: UInt64

    /// The least temperature above 0 that is computed with: below it the likeliest token alone has a chance, and the logits
    /// divided by it would leave the range of 32-bit floats.
    static let leastTemperature = 1e-6

    /// Greedy choices, unless something else is said.
    public init(temperature: Double = 0, topP: Double = 1, minP: Double = 0, seed: UInt64 = 0) {
        self.temperature = temperature > 0 ? max(temperature, Self.leastTemperature) : temperature
        self.topP = topP
        self.minP = minP
        self.seed = seed
    }
}
