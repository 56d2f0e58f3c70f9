/// What ``TrainingRun`` needs to know of a configuration.
protocol TrainingConfiguration: Encodable, Sendable {
    /// The model as the user named it.
    var model: String { get }
    /// The digests of the files that the run reads; see `InputDigest`.
    var inputs: [String]? { get }
    /// Steps between two validations.
    var validateEvery: Int { get }
    /// Settings, by their names, that may change when a run goes on.
    static var mayDiffer: Set<String> { get }
}
