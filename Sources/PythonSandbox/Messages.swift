/// A job in the form in which the judge reads it.
struct JobMessage: Encodable {
    var job: SandboxJob
    /// Whether the folder of programs is a file system of its own.
    var countFiles: Bool
    /// What the answer to this job repeats.
    var nonce: String

    private enum Key: CodingKey {
        case program, moduleName, prelude, setup, tests, hiddenTests, limits, countFiles, nonce
    }
    private enum SuiteKey: CodingKey { case statements, source, name, doctests }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(job.program, forKey: .program)
        try container.encode(job.moduleName, forKey: .moduleName)
        try container.encode(job.prelude, forKey: .prelude)
        try container.encode(job.setup, forKey: .setup)
        try container.encode(job.hiddenTests, forKey: .hiddenTests)
        try container.encode(job.limits, forKey: .limits)
        try container.encode(countFiles, forKey: .countFiles)
        try container.encode(nonce, forKey: .nonce)
        var suite = container.nestedContainer(keyedBy: SuiteKey.self, forKey: .tests)
        switch job.tests {
        case .statements(let statements): try suite.encode(statements, forKey: .statements)
        case .file(let source, let name):
            try suite.encode(source, forKey: .source)
            try suite.encode(name, forKey: .name)
        case .doctests(let source): try suite.encode(source, forKey: .doctests)
        }
    }
}

/// The judge's answer.
struct Answer: Decodable {
    var programError: ProgramError?
    var tests: [TestOutcome]?
    var hiddenTests: [TestOutcome]?
    var output: String?
    var seconds: Double?
    /// The tests cannot be used: why.
    var unusable: String?
    /// The nonce of the job that this answers.
    var nonce: String
}
