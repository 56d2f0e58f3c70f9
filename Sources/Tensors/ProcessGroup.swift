import CTorch
import FoundationEssentials

// Unchecked: the handle never changes, and c10d locks its own state.
/// Processes that train together, by torch's c10d: joined when a launcher such as `torchrun` has set `RANK`,
/// `WORLD_SIZE`, `MASTER_ADDR` and `MASTER_PORT`.
///
/// All of them make the same calls in the same order.
public final class ProcessGroup: @unchecked Sendable {
    /// The number of this process, from 0; process 0 writes the files.
    public let rank: Int
    /// The number of processes.
    public let size: Int
    private let handle: OpaquePointer

    /// The group that the environment names; nil for a process on its own. Waits until all are there.
    ///
    /// - Parameter environment: The environment variables; the process's own when nil.
    /// - Throws: ``TensorError`` when a variable is missing or wrong, or another process does not come.
    public init?(environment: [String: String]? = nil) throws {
        let environment = environment ?? ProcessInfo.processInfo.environment
        guard let rankText = environment["RANK"] else { return nil }
        guard let rank = Int(rankText), let size = environment["WORLD_SIZE"].flatMap(Int.init),
            let address = environment["MASTER_ADDR"], let port = environment["MASTER_PORT"].flatMap(Int.init),
            (0..<size).contains(rank), (1..<65_536).contains(port)
        else {
            throw TensorError(
                .operationFailed,
                "RANK is set, so WORLD_SIZE, MASTER_ADDR and MASTER_PORT must be too, with RANK below WORLD_SIZE; start "
                    + "with torchrun --no-python, or unset RANK.")
        }
        if size == 1 { return nil }
        // torchrun keeps the address book itself.
        let serves = rank == 0 && environment["TORCHELASTIC_USE_AGENT_STORE"] != "True"
        var result: OpaquePointer?
        try check(ct_group_join(address, Int32(port), Int32(rank), Int32(size), serves, Self.seconds, &result))
        guard let result else { throw TensorError(.operationFailed, "libtorch returned no process group.") }
        (self.rank, self.size, handle) = (rank, size, result)
    }

    deinit { ct_group_release(handle) }

    /// How long a process waits for the others: as long as one may validate alone.
    private static let seconds: Int32 = 3_600

    /// Replaces the tensor's elements by the sums over all processes.
    ///
    /// - Throws: ``TensorError`` when another process has ended.
    public func sum(_ tensor: Tensor) throws {
        do {
            try withExtendedLifetime(tensor) { try check(ct_group_sum(handle, tensor.handle)) }
        } catch let error as TensorError {
            throw TensorError(
                error.code, "Another process of the run has ended, or can't be reached. (\(error.description))")
        }
    }

    /// The sums of each value over all processes.
    public func sum(_ values: [Double]) throws -> [Double] {
        let tensor = try Tensor(doubles: values)
        try sum(tensor)
        return try tensor.doubles()
    }
}
