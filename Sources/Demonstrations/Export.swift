public import StatefulTools

/// The forms in which other trainers take demonstrations and tasks, each as JSON lines.
public enum ExportFormat: String, CaseIterable, Hashable, Sendable, Codable {
    /// TRL's conversational prompt and completion: one row for each answer to be learned, since TRL's loss stands on the
    /// completion alone.
    case trl
    /// verl's fields `data_source`, `prompt`, `ability`, `reward_model` and `extra_info`; one row for each start state.
    case verl
    /// One row for each task: what a client gives to an environment server's `reset`.
    case openenv
}

extension Demonstration {
    /// The rows that this demonstration makes.
    ///
    /// - Parameter start: the start state of its task.
    public func rows(_ format: ExportFormat, from start: any Tool) -> [JSONValue] {
        func chat(_ messages: some Sequence<Message>) -> JSONValue {
            .array(
                messages.map { .object(["role": .string($0.role.rawValue), "content": .string($0.content)]) })
        }
        var line = task.fields
        line["id"] = .string(task.id)
        line["tool"] = .string(task.tool)
        line["prompt"] = .string(task.prompt)
        switch format {
        case .trl:
            return messages.indices.filter { messages[$0].learn == true }.map { index in
                .object(["prompt": chat(messages[..<index]), "completion": chat([messages[index]])])
            }
        case .verl:
            let answers = messages.filter { $0.learn == true }.map { JSONValue.string($0.content) }
            return [
                .object([
                    "data_source": .string("chain-of-edits"),
                    "prompt": chat(messages.prefix { $0.role != .assistant }), "ability": .string(task.tool),
                    "reward_model": .object([
                        "style": .string("rule"), "ground_truth": .string(start.solution ?? ""),
                    ]),
                    "extra_info": .object([
                        "index": .number(Double(meta.index)), "id": .string(id), "source": .string(meta.source),
                        "task": .object(line), "commands": .array(answers),
                    ]),
                ])
            ]
        case .openenv:
            return [
                .object([
                    "episode_id": .string(id), "seed": .number(Double(meta.index)), "task": .object(line),
                ])
            ]
        }
    }
}
