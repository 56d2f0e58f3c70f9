import CTorch
import FoundationEssentials

/// The place of a tensor and of the operations on it.
public enum Device: Hashable, Sendable, CustomStringConvertible {
    /// The processor.
    case cpu
    /// An NVIDIA GPU by its index.
    case cuda(Int)
    /// Apple's GPU.
    case mps

    var raw: Int32 {
        switch self {
        case .cpu: Int32(ct_cpu)
        case .cuda(let index): Int32(index)
        case .mps: Int32(ct_mps)
        }
    }

    public var description: String {
        switch self {
        case .cpu: "cpu"
        case .cuda(let index): "cuda:\(index)"
        case .mps: "mps"
        }
    }

    /// The fastest device of this machine; among several GPUs the launcher's choice for this process (`LOCAL_RANK`).
    public static var best: Device {
        let place = ProcessInfo.processInfo.environment["LOCAL_RANK"].flatMap(Int.init) ?? 0
        return Engine.cudaDeviceCount > 0 ? .cuda(place % Engine.cudaDeviceCount) : Engine.hasMPS ? .mps : .cpu
    }
}
