public import Tensors

/// The numbers in which a model computes.
public enum Precision: String, CaseIterable, Hashable, Sendable, Codable {
    /// 32-bit floats throughout, the default of training.
    case float32
    /// Weights in bfloat16; on a GPU the activations too.
    case bfloat16
    /// Weights and the inputs of products in 8-bit integers with a scale for each 64; all else in 32-bit floats, keys and
    /// values in 16-bit ones. In training all else is bfloat16, the adapter in 32-bit floats. For a CPU.
    case int8

    /// The default on a device: int8 costs less than 1 % of perplexity (`coe bench quality`).
    public static func standard(on device: Device) -> Precision { device == .cpu ? .int8 : .bfloat16 }

    /// The element type of dense weights.
    var dtype: DType { self == .bfloat16 ? .bfloat16 : .float32 }
}
