/// Tasks to train on that are, or are like, tasks to test with.
public struct Overlap: Hashable, Sendable, Codable {
    public enum Reason: String, CaseIterable, Hashable, Sendable, Codable {
        /// A program with the same tokens.
        case program
        /// A program with the same tokens but for its names.
        case renamedProgram
        /// At least half of the eight-word sequences of the description; the whole description where it is shorter.
        case description
    }

    public struct Finding: Hashable, Sendable, Codable {
        public var task: String
        public var testTask: String
        public var reason: Reason

        public init(task: String, testTask: String, reason: Reason) {
            self.task = task
            self.testTask = testTask
            self.reason = reason
        }
    }

    public var trainTasks: Int
    public var testTasks: Int
    /// In the order of the training tasks; of several like test tasks the first for each reason.
    public var findings: [Finding]

    /// Words of the sequences by which descriptions are compared.
    private static let length = 8

    /// Compares references and faulty programs by Python's tokens, and descriptions by their words.
    public static func find(
        of train: [RepairTask], with test: [RepairTask], interpreter: String = "python3"
    ) async throws -> Overlap {
        let syntax = PythonSyntax(interpreter: interpreter)
        func programs(_ tasks: [RepairTask]) async throws -> [[PythonSyntax.Tokens]] {
            let references = try await syntax.tokens(of: tasks.map { $0.reference ?? $0.program })
            let faulty = try await syntax.tokens(of: tasks.map { $0.reference == nil ? "" : $0.program })
            return zip(references, faulty).map { [$0, $1].compactMap { $0 }.filter { !$0.plain.isEmpty } }
        }
        var plain: [String: String] = [:]
        var numbered: [String: String] = [:]
        for (task, tokens) in zip(test, try await programs(test)) {
            for tokens in tokens {
                if plain[tokens.plain] == nil { plain[tokens.plain] = task.id }
                if numbered[tokens.numbered] == nil { numbered[tokens.numbered] = task.id }
            }
        }
        var sequences: [ArraySlice<String>: [Int]] = [:]
        for (index, task) in test.enumerated() {
            for sequence in Set(Self.sequences(of: task.prompt)) { sequences[sequence, default: []].append(index) }
        }

        var findings: [Finding] = []
        for (task, tokens) in zip(train, try await programs(train)) {
            func add(_ id: String?, _ reason: Reason) {
                if let id { findings.append(Finding(task: task.id, testTask: id, reason: reason)) }
            }
            let same = tokens.lazy.compactMap { plain[$0.plain] }.first
            add(same, .program)
            if same == nil { add(tokens.lazy.compactMap { numbered[$0.numbered] }.first, .renamedProgram) }
            let own = Self.sequences(of: task.prompt)
            var shared: [Int: Int] = [:]
            for sequence in own { for index in sequences[sequence] ?? [] { shared[index, default: 0] += 1 } }
            let like = shared.filter { 2 * $0.value >= own.count }.keys.min()
            add(like.map { test[$0].id }, .description)
        }
        return Overlap(trainTasks: train.count, testTasks: test.count, findings: findings)
    }

    /// The eight-word sequences of a text, or the whole of a shorter one; words are lower-case letters and digits.
    private static func sequences(of text: String) -> [ArraySlice<String>] {
        let words = text.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init)
        if words.isEmpty { return [] }
        if words.count <= length { return [words[...]] }
        return (0...words.count - length).map { words[$0..<$0 + length] }
    }

    /// The findings as text for people.
    public var report: String {
        var lines = findings.map { "\($0.task) and \($0.testTask): \($0.reason.sentence)" }
        let tasks = Set(findings.map(\.task)).count
        lines.append("\(tasks) of \(trainTasks) training tasks are like one of \(testTasks) test tasks.")
        for reason in Reason.allCases {
            lines.append("  \(reason.sentence): \(findings.count { $0.reason == reason })")
        }
        return lines.joined(separator: "\n")
    }
}

extension Overlap.Reason {
    var sentence: String {
        switch self {
        case .program: "the same program"
        case .renamedProgram: "the same program but for its names"
        case .description: "the same description, by half of its eight-word sequences"
        }
    }
}
