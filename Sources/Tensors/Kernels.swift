import CTorch

/// Kernels for inference on a CPU, on 32-bit floats and without gradients: each replaces many small operations of
/// libtorch.
public enum Kernels {
    /// The instruction set of the kernels on this machine, for example `avx512`.
    public static var instructions: String { String(cString: ct_kernel_instructions()) }
    /// Whether the kernels take attention heads of this width.
    public static func supports(headWidth: Int) -> Bool { headWidth % 16 == 0 && headWidth <= 256 }
}
