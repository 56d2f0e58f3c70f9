import Tensors

/// This process's part in a run of one or several processes, which compute on different data and take the same steps.
struct DataParallel: Sendable {
    let group: ProcessGroup?

    var rank: Int { group?.rank ?? 0 }
    var size: Int { group?.size ?? 1 }
    /// Whether this process measures and writes files.
    var leads: Bool { rank == 0 }

    func sum(_ tensor: Tensor) throws { try group?.sum(tensor) }

    /// The sums over all processes.
    func sum(_ values: [Double]) throws -> [Double] { try group?.sum(values) ?? values }

    /// Whether the value is true in any process.
    func any(_ value: Bool) throws -> Bool { try sum([value ? 1 : 0])[0] > 0 }

    /// This process's share of the elements.
    func part<Element>(of elements: [Element]) -> [Element] {
        let count = elements.count
        return Array(elements[rank * count / size..<(rank + 1) * count / size])
    }
}
