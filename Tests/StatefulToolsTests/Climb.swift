import PythonSandbox
import StatefulTools

/// A small tool for tests: climb from a height to the target.
struct Climb: Tool {
    static let name = "climb"
    static let summary = "A climber reaches a height."
    static let instruction = "### UP <1-9> climbs, ### STAY waits, ### SHIFT turns round, ### EXIT stops"
    static let turns = 6

    private struct Fields: Codable {
        var id: String
        var height: Int
        var target: Int
    }

    let task: ToolTask
    let target: Int
    var height: Int
    /// Which way the climber looks; it cannot matter.
    var looksLeft = false

    init(_ task: ToolTask) throws {
        self.task = task
        let fields = try task.decode(Fields.self)
        (height, target) = (fields.height, fields.target)
    }

    /// - Parameter secret: whether hidden checks pass at the target; nil where nothing is hidden.
    init(_ height: Int = 0, to target: Int = 5, secret: Bool? = nil) throws {
        var fields: [String: JSONValue] = ["height": .number(Double(height)), "target": .number(Double(target))]
        if let secret { fields["secret"] = .bool(secret) }
        try self.init(ToolTask(id: "climb", tool: Self.name, fields: fields))
    }

    var state: String { "\(height)\(looksLeft ? " left" : "")" }

    mutating func apply(_ command: String) throws(CommandFault) -> Effect {
        let words = command.split(separator: " ")
        switch words.count > 1 ? words[1] : "" {
        case "EXIT": return .done
        case "STAY": return .unchanged
        case "SHIFT":
            looksLeft.toggle()
            return .cosmetic
        case "UP":
            guard words.count == 3, let steps = Int(words[2]) else {
                throw CommandFault("write ### UP <1-9>", isMalformed: true)
            }
            guard (1...9).contains(steps) else { throw CommandFault("\(steps) is too far", isMalformed: false) }
            height += steps
            return .changed
        default: throw CommandFault("unknown command", isMalformed: true)
        }
    }

    func grammar(allowsExit: Bool) -> Grammar? {
        let commands = [Grammar.sequence([.literal("### UP "), .number(in: 1...9)]), .literal("### STAY")]
        return .choice(commands + (allowsExit ? [.literal("### EXIT")] : []))
    }

    var verdict: Verdict {
        let secret = if case .bool(let secret)? = task.fields["secret"] { secret } else { Bool?.none }
        return Verdict(
            passed: height == target, hiddenPassed: secret, feedback: height == target ? "There." : "Not there.",
            progress: 1 / Double(1 + abs(height - target)), failure: height == target ? nil : "away")
    }

    func judge(in sandbox: PythonSandbox) async throws -> Verdict {
        if height > 99 { throw SandboxError(code: .unusableTests, description: "there is no air") }
        return verdict
    }

    func opening(_ feedback: String, _ style: PromptStyle) -> String {
        "To \(target)\n" + reply(feedback, since: "", style)
    }
    func reply(_ feedback: String, since shown: String, _ style: PromptStyle) -> String {
        "\(style.showsChangesOnly ? "\(shown) -> \(state)" : state)\n\(feedback)"
    }

    static func difference(_ first: String, _ second: String) -> StateDifference? {
        let heights = [first, second].map { Int($0.prefix { $0 != " " }) ?? 0 }
        let distance = abs(heights[0] - heights[1])
        return StateDifference(distance: distance, commands: (distance + 8) / 9)
    }
    var solution: String? { "\(target)" }
    func expert(_ verdict: Verdict?, using random: inout SeededGenerator) -> [Step]? {
        height < target ? [Step("### UP \(target - height)")] : nil
    }
    func answered(_ text: String) -> Climb? {
        guard let height = Int(text) else { return nil }
        var copy = self
        copy.height = height
        return copy
    }
}

/// Runs `body` with a sandbox and shuts it down.
func withSandbox<Result>(_ body: (PythonSandbox) async throws -> Result) async throws -> Result {
    let sandbox = try await PythonSandbox(SandboxConfiguration(workers: 1))
    do {
        let result = try await body(sandbox)
        await sandbox.shutdown()
        return result
    } catch {
        await sandbox.shutdown()
        throw error
    }
}
