public import RepairTasks

/// What demonstrations are to be made.
public struct SynthesisOptions: Hashable, Sendable, Codable {
    public var seed: UInt64
    /// The corruptions; nil compiles each task's own faulty program and its reference.
    public var family: CorruptionFamily?
    /// The number of faults, drawn uniformly.
    public var faults: ClosedRange<Int>
    /// The share of demonstrations with a wrong edit and its repair.
    public var recovery: Double
    public var state: StateForm

    public init(
        seed: UInt64 = 0, family: CorruptionFamily? = .mixed, faults: ClosedRange<Int> = 1...5, recovery: Double = 0,
        state: StateForm = .compact
    ) {
        self.seed = seed
        self.family = family
        self.faults = faults
        self.recovery = recovery
        self.state = state
    }
}
