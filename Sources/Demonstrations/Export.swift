import Episodes
import PythonSandbox
public import RepairTasks

/// The forms in which other trainers take demonstrations and tasks, each as JSON lines.
public enum ExportFormat: String, CaseIterable, Hashable, Sendable, Codable {
    /// TRL's conversational prompt and completion: one row for each answer that is to be learned, so that its loss,
    /// which stands on the completion alone, spares the others.
    case trl
    /// verl's fields: `data_source`, `prompt`, `ability`, `reward_model`, `extra_info`. A start state a row.
    case verl
    /// A task a row: what an environment server is given to start an episode with.
    case openenv
    /// The repair format: the faulty program as a task of its own, for `coe eval`.
    case repair
}

extension Demonstration {
    /// The rows that this demonstration makes.
    public func rows(_ format: ExportFormat) -> [JSONValue] {
        func chat(_ messages: some Sequence<Message>) -> JSONValue {
            .array(
                messages.map { .object(["role": .string($0.role.rawValue), "content": .string($0.content)]) })
        }
        let first = messages.prefix { $0.role != .assistant }
        switch format {
        case .trl:
            return messages.indices.filter { messages[$0].learn == true }.map { index in
                .object(["prompt": chat(messages[..<index]), "completion": chat([messages[index]])])
            }
        case .verl:
            let answers = messages.filter { $0.learn == true }.map { JSONValue.string($0.content) }
            return [
                .object([
                    "data_source": .string("chain-of-edits"), "prompt": chat(first), "ability": .string("code"),
                    "reward_model": .object([
                        "style": .string("rule"), "ground_truth": .string(task.reference ?? ""),
                    ]),
                    "extra_info": .object([
                        "index": .number(Double(meta.index)), "id": .string(id), "source": .string(meta.source),
                        "program": .string(task.program), "tests": tests, "commands": .array(answers),
                    ]),
                ])
            ]
        case .repair:
            return [
                .object([
                    "id": .string(id), "prompt": .string(task.prompt), "program": .string(task.program),
                    "tests": tests, "hidden_tests": .array(task.hiddenTests.map(JSONValue.string)),
                    "setup": task.setup.map(JSONValue.string) ?? .null,
                    "prelude": task.prelude.map(JSONValue.string) ?? .null,
                    "reference": task.reference.map(JSONValue.string) ?? .null,
                ])
            ]
        case .openenv:
            return [
                .object([
                    "episode_id": .string(id), "seed": .number(Double(meta.index)), "task": .string(task.prompt),
                    "program": .string(task.program), "tests": tests,
                    "hidden_tests": .array(task.hiddenTests.map(JSONValue.string)),
                    "setup": task.setup.map(JSONValue.string) ?? .null,
                    "prelude": task.prelude.map(JSONValue.string) ?? .null,
                    "reference": task.reference.map(JSONValue.string) ?? .null,
                ])
            ]
        }
    }

    private var tests: JSONValue {
        if case .statements(let statements) = task.tests { return .array(statements.map(JSONValue.string)) }
        return .null
    }
}
