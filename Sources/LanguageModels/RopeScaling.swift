#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A stretching of the rotary frequencies to longer contexts.
///
/// Source: Transformers, `modeling_rope_utils.py`.
public enum RopeScaling: Hashable, Sendable {
    /// All frequencies divided by a factor.
    case linear(factor: Double)
    /// Llama 3's: the lowest frequencies divided, the highest kept.
    case llama3(Llama3)
    /// YaRN (Peng et al., arXiv 2309.00071): the same by another rule, and larger attention scores.
    case yarn(Yarn)

    /// The numbers of Llama 3's rule.
    public struct Llama3: Hashable, Sendable {
        /// The divisor of the lowest frequencies.
        public var factor: Double
        /// The frequencies below and above which all are divided or none, in turns within the original context.
        public var lowFrequencyFactor, highFrequencyFactor: Double
        /// The context for which the model was first trained, in tokens.
        public var originalContextLength: Int
    }

    /// The numbers of YaRN's rule.
    public struct Yarn: Hashable, Sendable {
        /// The divisor of the lowest frequencies.
        public var factor: Double
        /// The factor of queries and keys.
        public var attentionFactor: Double
        /// The turns within the original context from which frequencies are kept, and up to which they are divided.
        public var fast = 32.0
        public var slow = 1.0
        /// Whether the bounds are rounded to whole components.
        public var truncates = true
        /// The context for which the model was first trained, in tokens.
        public var originalContextLength: Int

        /// The factor of queries and keys that the paper proposes.
        static func attentionFactor(_ factor: Double, _ scale: Double = 1) -> Double {
            factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1
        }
    }
}

extension RopeScaling {
    /// The factor of attention scores.
    var scoreFactor: Double {
        if case .yarn(let yarn) = self { yarn.attentionFactor * yarn.attentionFactor } else { 1 }
    }

    /// The stretched frequencies, in radians per position.
    ///
    /// - Parameter frequencies: The plain ones, falling, `[width / 2]`.
    func stretched(_ frequencies: [Double], base: Double) -> [Double] {
        switch self {
        case .linear(let factor): frequencies.map { $0 / factor }
        case .llama3(let numbers): frequencies.map(numbers.stretched)
        case .yarn(let yarn): yarn.stretched(frequencies, base: base)
        }
    }
}

extension RopeScaling.Llama3 {
    fileprivate func stretched(_ frequency: Double) -> Double {
        let original = Double(originalContextLength)
        let wavelength = 2 * Double.pi / frequency
        if wavelength < original / highFrequencyFactor { return frequency }
        if wavelength > original / lowFrequencyFactor { return frequency / factor }
        let smooth = (original / wavelength - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor)
        return (1 - smooth) * frequency / factor + smooth * frequency
    }
}

extension RopeScaling.Yarn {
    fileprivate func stretched(_ frequencies: [Double], base: Double) -> [Double] {
        let width = Double(2 * frequencies.count)
        /// The component that turns so often within the original context.
        func component(_ turns: Double) -> Double {
            width * log(Double(originalContextLength) / (turns * 2 * .pi)) / (2 * log(base))
        }
        var (low, high) = (component(fast), component(slow))
        if truncates { (low, high) = (low.rounded(.down), high.rounded(.up)) }
        (low, high) = (max(low, 0), min(high, width - 1))
        if low == high { high += 0.001 }
        return frequencies.enumerated().map { place, frequency in
            let share = min(1, max(0, (Double(place) - low) / (high - low)))
            return frequency / factor * share + frequency * (1 - share)
        }
    }
}
