import CTorch

/// The libtorch that this process runs on.
public enum Engine {
    /// libtorch's version, as `2.13.0`.
    public static var version: String { String(cString: ct_version()) }
    /// The NVIDIA GPUs that libtorch can use.
    public static var cudaDeviceCount: Int { Int(ct_cuda_device_count()) }
    /// Whether libtorch can use Apple's GPU.
    public static var hasMPS: Bool { ct_mps_available() }
    /// Threads used inside one operation on the CPU.
    public static var threadCount: Int { Int(ct_thread_count()) }

    /// Sets the threads used inside one operation on the CPU, for the whole process.
    public static func setThreadCount(_ count: Int) throws {
        try check(ct_set_thread_count(Int32(count)))
    }
}
