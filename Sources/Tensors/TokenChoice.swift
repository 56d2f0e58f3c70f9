/// How one row of logits becomes a token.
public struct TokenChoice: Sendable {
    /// The tokens that may be chosen; nil for all.
    public var allowed: TokenList?
    /// 0 takes the likeliest token.
    public var temperature: Double
    /// Only the likeliest tokens that together have this probability; 1 keeps all.
    public var topP: Double
    /// Only tokens at least this likely relative to the likeliest; 0 keeps all.
    public var minP: Double
    /// From 0 up to 1, not included: decides which.
    public var uniform: Double

    /// - Parameter uniform: From 0 up to 1, not included.
    public init(allowed: TokenList? = nil, temperature: Double, topP: Double = 1, minP: Double = 0, uniform: Double) {
        self.allowed = allowed
        self.temperature = temperature
        self.topP = topP
        self.minP = minP
        self.uniform = uniform
    }
}
