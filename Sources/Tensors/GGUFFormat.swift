/// The format of a tensor's numbers in a GGUF file.
///
/// The quantised formats keep blocks of 32 or super-blocks of 256 numbers with shared scales; ``GGUFBlocks`` unpacks them.
public enum GGUFFormat: UInt32, CaseIterable, Hashable, Sendable, CustomStringConvertible {
    /// 32-bit floats, and 16-bit ones.
    case f32 = 0
    case f16 = 1
    /// Blocks of quantised numbers; the names are ggml's.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case q4_0 = 2
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case q4_1 = 3
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case q5_0 = 6
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case q5_1 = 7
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case q8_0 = 8
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case q2_K = 10
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case q3_K = 11
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case q4_K = 12
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case q5_K = 13
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case q6_K = 14
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case iq4_NL = 20
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case iq4_XS = 23
    /// The upper half of a 32-bit float.
    case bf16 = 30

    private var layout: (name: String, length: Int, bytes: Int) {
        switch self {
        case .f32: ("F32", 1, 4)
        case .f16: ("F16", 1, 2)
        case .bf16: ("BF16", 1, 2)
        case .q4_0: ("Q4_0", 32, 2 + 16)
        case .q4_1: ("Q4_1", 32, 2 + 2 + 16)
        case .q5_0: ("Q5_0", 32, 2 + 4 + 16)
        case .q5_1: ("Q5_1", 32, 2 + 2 + 4 + 16)
        case .q8_0: ("Q8_0", 32, 2 + 32)
        case .iq4_NL: ("IQ4_NL", 32, 2 + 16)
        case .q2_K: ("Q2_K", 256, 16 + 64 + 2 + 2)
        case .q3_K: ("Q3_K", 256, 32 + 64 + 12 + 2)
        case .q4_K: ("Q4_K", 256, 2 + 2 + 12 + 128)
        case .q5_K: ("Q5_K", 256, 2 + 2 + 12 + 32 + 128)
        case .q6_K: ("Q6_K", 256, 128 + 64 + 16 + 2)
        case .iq4_XS: ("IQ4_XS", 256, 2 + 2 + 4 + 128)
        }
    }

    /// Numbers in a block.
    public var blockLength: Int { layout.length }

    /// Bytes of a block.
    public var blockByteCount: Int { layout.bytes }

    /// ggml's name.
    public var description: String { layout.name }

    /// ggml's name of a format that is not read, by its number in the file.
    static func name(ofOther number: UInt32) -> String {
        let names: [UInt32: String] = [
            9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 21: "IQ3_S", 22: "IQ2_S",
            24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
            40: "NVFP4", 41: "Q1_0",
        ]
        return names[number] ?? "the unknown GGML type \(number)"
    }
}
