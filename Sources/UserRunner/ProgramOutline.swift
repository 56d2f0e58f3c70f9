/// What the syntax of a program and of its tests says.
public struct ProgramOutline: Hashable, Sendable, Codable {
    /// A function or a class of the program.
    public struct Definition: Hashable, Sendable, Codable {
        /// `f`, `Class.method`.
        public var name: String
        /// `function` or `class`.
        public var kind: String
        /// Its lines, from 1, decorators included.
        public var first: Int
        public var last: Int
        /// The names that occur in it.
        public var calls: [String]
        /// The first paragraph of its docstring.
        public var doc: String?
    }

    /// One test as plain statements.
    public struct Test: Hashable, Sendable, Codable {
        public var id: String
        public var statements: [Statement]
    }

    /// One statement of a test, with parameters written out and the tested call first.
    public struct Statement: Hashable, Sendable, Codable {
        /// The first and the last line in the test's file; 0 for what a fixture makes.
        public var line: Int
        public var last: Int
        public var text: String
        /// Whether it tests something.
        public var tests: Bool

        public init(from decoder: any Decoder) throws {
            var values = try decoder.unkeyedContainer()
            line = try values.decode(Int.self)
            text = try values.decode(String.self)
            tests = try values.decode(Bool.self)
            last = try values.decode(Int.self)
        }

        public func encode(to encoder: any Encoder) throws {
            var values = encoder.unkeyedContainer()
            try values.encode(line)
            try values.encode(text)
            try values.encode(tests)
            try values.encode(last)
        }
    }

    public var functions: [Definition]
    /// Lines of top-level imports.
    public var imports: [[Int]]
    /// The first paragraph of the module's docstring.
    public var doc: String?
    public var tests: [Test]
    /// The program's own names that each test uses, in the order of ``tests``.
    public var called: [[String]]
}

extension ProgramOutline.Definition {
    /// - Throws: `DecodingError` for lines that no program has: a process that runs the program sends them.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        name = try values.decode(String.self, forKey: .name)
        kind = try values.decode(String.self, forKey: .kind)
        first = try values.decode(Int.self, forKey: .first)
        last = try values.decode(Int.self, forKey: .last)
        calls = try values.decode([String].self, forKey: .calls)
        doc = try values.decodeIfPresent(String.self, forKey: .doc)
        guard 1 <= first, first <= last, last <= 1 << 30 else {
            throw DecodingError.dataCorruptedError(
                forKey: .last, in: values, debugDescription: "lines \(first) to \(last)")
        }
    }
}

/// What a person should know about a repair that passes.
public struct RepairWarning: Hashable, Sendable, Codable {
    /// A full sentence.
    public var text: String
    /// Whether the repair only repeats what the tests want.
    public var strong: Bool

    public init(text: String, strong: Bool) {
        self.text = text
        self.strong = strong
    }
}

/// A question about syntax.
struct RunnerQuestion: Encodable {
    struct Shown: Encodable {
        var id: String
        var parameters: [String: String]?
    }

    /// `outline`, `suggest` or `compare`.
    var ask: String
    /// In base 64.
    var bytes: String
    var before: String?
    var shown: [Shown]?
    var added, reached: [Int]?
}
