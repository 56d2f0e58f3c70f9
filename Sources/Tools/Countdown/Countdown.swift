public import PythonSandbox
public import StatefulTools

/// The numbers game: combine numbers by +, -, * and exact / until one of them is the target.
public struct Countdown: Tool {
    public static let name = "countdown"
    public static let summary = "Numbers are combined by +, -, * and / until one of them is the target."
    public static let instruction = """
        You play the numbers game: combine numbers until one of them is the target. The commands are:
        ### <a> <op> <b> replaces the numbers a and b by their result; op is +, -, * or / (exact)
        ### UNDO takes the last command back
        ### EXIT stops, when the target is there
        """
    public static let turns = 30
    private static let range = 1...999_999
    private struct Fields: Decodable { let numbers: [Int], target: Int }

    public let task: ToolTask
    private let target: Int
    /// The numbers at the start and after each command that can be taken back, in ascending order.
    private var history: [[Int]]
    private var numbers: [Int] { history[history.count - 1] }

    public init(_ task: ToolTask) throws {
        let fields = try task.decode(Fields.self)
        let isValid = (fields.numbers + [fields.target]).allSatisfy(Self.range.contains)
        guard isValid, (2...8).contains(fields.numbers.count) else {
            let rule = "\"numbers\" are 2 to 8, each and \"target\" from 1 to 999999"
            throw ToolTaskError(.badField, "task \"\(task.id)\": \(rule)")
        }
        (self.task, target, history) = (task, fields.target, [fields.numbers.sorted()])
    }
    /// A line for the start and for each command that can be taken back.
    public var state: String { history.map(Self.text).joined(separator: "\n") }
    private static func text(_ numbers: [Int]) -> String { numbers.map(String.init).joined(separator: " ") }
    /// Nil where the result is no whole number of the range.
    private static func result(_ a: Int, _ sign: String, _ b: Int) -> Int? {
        let value = ["+": a + b, "-": a - b, "*": a * b, "/": a % b == 0 ? a / b : 0][sign] ?? 0
        return range.contains(value) ? value : nil
    }
    /// The commands that combine two of the numbers, the larger one first.
    private var moves: [String] {
        var moves: [String] = []
        for (i, b) in numbers.enumerated() {
            for a in numbers.dropFirst(i + 1) {
                let signs = ["+", "-", "*", "/"].filter { Self.result(a, $0, b) != nil }
                moves += signs.map { "### \(a) \($0) \(b)" }.filter { !moves.contains($0) }
            }
        }
        return moves
    }

    public mutating func apply(_ command: String) throws(CommandFault) -> Effect {
        if command == "### EXIT" { return .done }
        if command == "### UNDO", history.count > 1 {
            history.removeLast()
            return .changed
        }
        if command == "### UNDO" { throw CommandFault("there is nothing to undo", isMalformed: false) }
        let words = command.split(separator: " ").map(String.init)
        guard words.count == 4, let a = Int(words[1]), let b = Int(words[3]), "+-*/".contains(words[2]) else {
            throw CommandFault("write ### <a> <op> <b>, ### UNDO or ### EXIT", isMalformed: true)
        }
        var rest = numbers
        for number in [a, b] {
            guard let place = rest.firstIndex(of: number) else {
                throw CommandFault("\(number) is not one of the numbers \(Self.text(numbers))", isMalformed: false)
            }
            rest.remove(at: place)
        }
        guard let value = Self.result(a, words[2], b) else {
            throw CommandFault("\(a) \(words[2]) \(b) is no whole number from 1 to 999999", isMalformed: false)
        }
        history.append((rest + [value]).sorted())
        return .changed
    }

    public func grammar(allowsExit: Bool) -> Grammar? {
        .oneOf(moves + (history.count > 1 ? ["### UNDO"] : []) + (allowsExit ? ["### EXIT"] : []))
    }
    public static func verb(_ command: String) -> String { String(command.filter { !"# 0123456789".contains($0) }) }

    public func judge(in sandbox: PythonSandbox) async throws -> Verdict {
        let distance = numbers.map { abs($0 - target) }.min() ?? target
        return Verdict(
            passed: distance == 0,
            feedback: distance == 0 ? "The target is there." : "The nearest is \(distance) away.",
            progress: 1 / Double(1 + distance), failure: distance == 0 ? nil : "\(history[0].count) numbers")
    }
    public func opening(_ feedback: String, _ style: PromptStyle) -> String {
        "Target: \(target)\n" + reply(feedback, since: "", style)
    }
    public func reply(_ feedback: String, since shown: String, _ style: PromptStyle) -> String {
        "Numbers: \(Self.text(numbers))\n***\n\(feedback)"
    }

    /// Commands to the target, tried in random order; nil where there are none within the budget of tries.
    private func way(_ dead: inout Set<[Int]>, _ tries: inout Int, _ random: inout SeededGenerator) -> [String]? {
        if numbers.contains(target) { return [] }
        tries -= 1
        if tries < 0 || dead.contains(numbers) { return nil }
        var moves = moves
        random.shuffle(&moves)
        for move in moves {
            var next = self
            if (try? next.apply(move)) != nil, let rest = next.way(&dead, &tries, &random) { return [move] + rest }
        }
        dead.insert(numbers)
        return nil
    }

    /// UNDO up to where the target can be reached, then the commands to it.
    public func expert(_ verdict: Verdict?, using random: inout SeededGenerator) -> [Step]? {
        var (game, undos, dead, tries) = (self, [String](), Set<[Int]>(), 20_000)
        while true {
            if let way = game.way(&dead, &tries, &random) { return (undos + way).map { Step($0) } }
            guard (try? game.apply("### UNDO")) != nil else { return nil }
            undos.append("### UNDO")
        }
    }
    /// A fresh game with as many numbers, to train on.
    public func corrupted(using random: inout SeededGenerator) -> Self? { Self.game(history[0].count, .train, &random) }
    /// Small numbers and some of 25, 50, 75, 100, combined at random to a target. Numbers and target decide the split.
    private static func game(_ count: Int, _ split: TaskSplit, _ random: inout SeededGenerator) -> Countdown? {
        while true {
            func draw() -> Int { random.chance(0.3) ? 25 * (1 + random.below(4)) : 1 + random.below(10) }
            let numbers = (0..<count).map { _ in draw() }.sorted()
            let fields = ["numbers": JSONValue.array(numbers.map { .number(Double($0)) }), "target": .number(1)]
            var task = ToolTask(id: "", tool: name, fields: fields)
            guard var game = try? Countdown(task) else { return nil }
            while let move = random.element(of: game.moves) { _ = try? game.apply(move) }
            let target = game.numbers[0]
            task.id = "countdown/\(numbers.map(String.init).joined(separator: "-"))/\(target)"
            let found = [TaskSplit.test, .validation, .train][min(2, Int(StableHash(task.id).value % 10))]
            task.fields["target"] = .number(Double(target))
            let isWanted = (10...999).contains(target) && !numbers.contains(target)
            if isWanted, [found, .all].contains(split) { return try? Countdown(task) }
        }
    }

    /// `countdown`: games of 3 to 6 numbers; `countdown-4`: of four. 2,000 to train on, 500 of the other splits.
    public static func tasks(_ set: String, split: TaskSplit) throws -> [any Tool]? {
        let counts = (3...6).filter { set == name || set == "\(name)-\($0)" }
        var (random, games) = (SeededGenerator(seed: StableHash(split.rawValue).value), [String: any Tool]())
        while !counts.isEmpty, games.count < (split == .train ? 2_000 : 500) {
            if let game = game(counts[games.count % counts.count], split, &random) { games[game.id] = game }
        }
        return counts.isEmpty ? nil : games.values.sorted { $0.id < $1.id }
    }
}
