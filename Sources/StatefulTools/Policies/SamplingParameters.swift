/// How tokens are drawn.
public struct SamplingParameters: Hashable, Sendable, Codable {
    /// 0 takes the likeliest token.
    public var temperature: Double
    public var topP: Double
    public var minP: Double
    /// The same seed draws the same tokens.
    public var seed: UInt64
    /// A completion ends before the first of these.
    public var stop: [String]

    public init(temperature: Double = 0, topP: Double = 1, minP: Double = 0, seed: UInt64 = 0, stop: [String] = []) {
        self.temperature = temperature
        self.topP = topP
        self.minP = minP
        self.seed = seed
        self.stop = stop
    }

    /// For commands, which are one line.
    public static func commands(temperature: Double = 0, seed: UInt64 = 0) -> SamplingParameters {
        SamplingParameters(temperature: temperature, seed: seed, stop: ["\n"])
    }
}
