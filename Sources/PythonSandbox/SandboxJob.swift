/// A program and the tests that decide about it.
public struct SandboxJob: Codable, Hashable, Sendable {
    /// The program's source.
    public var program: String
    /// The name under which the tests may import the program.
    public var moduleName: String
    /// Python that runs before the program, in its namespace.
    public var prelude: String?
    /// Python that runs after the program and before the tests, in its namespace.
    public var setup: String?
    /// The tests that the program's author may see.
    public var tests: TestSuite
    /// Further statements that decide as well but are reported apart.
    public var hiddenTests: [String]
    /// What the program may use.
    public var limits: SandboxLimits

    /// Makes a job; only the program and the tests have no default.
    public init(
        program: String, moduleName: String = "program", prelude: String? = nil, setup: String? = nil,
        tests: TestSuite, hiddenTests: [String] = [], limits: SandboxLimits = SandboxLimits()
    ) {
        self.program = program.withoutByteOrderMark
        self.moduleName = moduleName
        self.prelude = prelude?.withoutByteOrderMark
        self.setup = setup?.withoutByteOrderMark
        self.tests =
            switch tests {
            case .file(let source, let name): .file(source: source.withoutByteOrderMark, name: name)
            case .doctests(let source): .doctests(source: source.withoutByteOrderMark)
            case .statements: tests
            }
        self.hiddenTests = hiddenTests
        self.limits = limits
    }
}

extension String {
    /// The text without U+FEFF before it, as Python reads a file.
    fileprivate var withoutByteOrderMark: String {
        unicodeScalars.first == "\u{FEFF}" ? String(unicodeScalars.dropFirst()) : self
    }
}

/// The form in which tests are written.
public enum TestSuite: Codable, Hashable, Sendable {
    /// Python statements, one test each; a test passes when it raises nothing.
    case statements([String])
    /// A test file: top-level asserts, `test_*` functions, `Test*` classes and `unittest.TestCase`.
    ///
    /// It may import the program by the job's module name; the program's names are visible in it besides.
    /// `name` appears in messages.
    case file(source: String, name: String)
    /// The examples in the docstrings of `source`: the program as its author wrote it, since one that was edited may
    /// have lost the examples that failed.
    case doctests(source: String)
}

/// What one job may use.
public struct SandboxLimits: Codable, Hashable, Sendable {
    /// Seconds of wall clock for the whole job, tests included.
    public var wallSeconds: Double
    /// Seconds of processor time for the program's process.
    public var cpuSeconds: Double
    /// Address space of the program's process, in bytes.
    public var memoryBytes: Int
    /// Bytes of standard output and standard error together.
    public var outputBytes: Int
    /// Bytes in one file that the program writes.
    public var fileBytes: Int
    /// Processes and threads of the jail together.
    public var processes: Int

    /// Makes limits; the defaults suit short exercises.
    public init(
        wallSeconds: Double = 5, cpuSeconds: Double = 5, memoryBytes: Int = 512 << 20, outputBytes: Int = 64 << 10,
        fileBytes: Int = 16 << 20, processes: Int = 64
    ) {
        self.wallSeconds = wallSeconds
        self.cpuSeconds = cpuSeconds
        self.memoryBytes = memoryBytes
        self.outputBytes = outputBytes
        self.fileBytes = fileBytes
        self.processes = processes
    }
}
