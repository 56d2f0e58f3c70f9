public import PythonSandbox
public import StatefulTools

/// One faulty program with the tests that decide when it is repaired: a line of a task file.
public struct RepairTask: Hashable, Sendable {
    /// Unique in its set.
    public var id: String
    /// The task in words.
    public var prompt: String
    /// The faulty program.
    public var program: String
    /// The name under which a test file imports the program.
    public var moduleName: String
    /// The tests that the model may see. In files: a list of Python statements, each of which passes unless it raises.
    public var tests: TestSuite
    /// Further statements, never shown to a model; where there are any, "solved" means that these pass too.
    public var hiddenTests: [String]
    /// Python run after the program and before the tests.
    public var setup: String?
    /// Python run before the program.
    public var prelude: String?
    /// A correct program.
    public var reference: String?
    /// Anything else.
    public var meta: JSONValue?

    public init(
        id: String, prompt: String, program: String, moduleName: String = "program", tests: TestSuite,
        hiddenTests: [String] = [], setup: String? = nil, prelude: String? = nil, reference: String? = nil,
        meta: JSONValue? = nil
    ) {
        self.id = id
        self.prompt = prompt
        self.program = program
        self.moduleName = moduleName
        self.tests = tests
        self.hiddenTests = hiddenTests
        self.setup = setup
        self.prelude = prelude
        self.reference = reference
        self.meta = meta
    }

    /// The job that tests `program` in place of the faulty one.
    public func job(program: String, limits: SandboxLimits = SandboxLimits()) -> SandboxJob {
        SandboxJob(
            program: program, moduleName: moduleName, prelude: prelude, setup: setup, tests: tests,
            hiddenTests: hiddenTests, limits: limits)
    }
}

/// Coded as in the task files; a suite other than statements has no form there and is coded as the sandbox codes it.
extension RepairTask: Codable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case id, prompt, program, tests, setup, prelude, reference, meta
        case moduleName = "module_name"
        case hiddenTests = "hidden_tests"
    }

    /// The names of the fields in a file.
    static let fields = Set(CodingKeys.allCases.map(\.rawValue))

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let suite = try? container.decode(TestSuite.self, forKey: .tests) {
            tests = suite
        } else {
            tests = .statements(try container.decode([String].self, forKey: .tests))
        }
        id = try container.decode(String.self, forKey: .id)
        prompt = try container.decode(String.self, forKey: .prompt)
        moduleName = try container.decodeIfPresent(String.self, forKey: .moduleName) ?? "program"
        if moduleName.wholeMatch(of: /[A-Za-z0-9_]+/) == nil {
            throw DecodingError.dataCorruptedError(
                forKey: .moduleName, in: container,
                debugDescription: "it may hold letters, digits and underscores only")
        }
        hiddenTests = try container.decodeIfPresent([String].self, forKey: .hiddenTests) ?? []
        setup = try container.decodeIfPresent(String.self, forKey: .setup)
        prelude = try container.decodeIfPresent(String.self, forKey: .prelude)
        reference = try container.decodeIfPresent(String.self, forKey: .reference)
        // A collection of correct programs, to be corrupted, has no faulty ones.
        if let reference, !container.contains(.program) {
            program = reference
        } else {
            program = try container.decode(String.self, forKey: .program)
        }
        meta = try container.decodeIfPresent(JSONValue.self, forKey: .meta)
        if case .statements(let statements) = tests, statements.isEmpty {
            throw DecodingError.dataCorruptedError(
                forKey: .tests, in: container, debugDescription: "there are no tests, so nothing can pass them")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(prompt, forKey: .prompt)
        try container.encode(program, forKey: .program)
        if moduleName != "program" { try container.encode(moduleName, forKey: .moduleName) }
        if case .statements(let statements) = tests {
            try container.encode(statements, forKey: .tests)
        } else {
            try container.encode(tests, forKey: .tests)
        }
        if !hiddenTests.isEmpty { try container.encode(hiddenTests, forKey: .hiddenTests) }
        try container.encodeIfPresent(setup, forKey: .setup)
        try container.encodeIfPresent(prelude, forKey: .prelude)
        try container.encodeIfPresent(reference, forKey: .reference)
        try container.encodeIfPresent(meta, forKey: .meta)
    }
}
