import LineEditor
import PythonSandbox
import RepairTasks

/// A short episode shown to a model that was never trained on the commands.
///
/// Ours, from no data set. The feedback is written down, not computed, since no sandbox runs while a prompt is made;
/// a test plays each example in the sandbox and compares.
struct WorkedExample {
    var task: RepairTask
    /// The feedback on the program as given.
    var feedback: String
    var turns: [(command: Command, feedback: String)]

    func messages(_ numbering: NumberingStyle) -> [ChatMessage] {
        let prompt = Prompt(numbering: numbering)
        var program = ProgramText(task.program)
        var messages = [
            ChatMessage(role: .user, content: Prompt.opening(task) + prompt.state(program, feedback: feedback))
        ]
        for turn in turns {
            messages.append(ChatMessage(role: .assistant, content: turn.command.description))
            try? program.apply(turn.command)
            messages.append(ChatMessage(role: .user, content: prompt.state(program, feedback: turn.feedback)))
        }
        messages.append(ChatMessage(role: .assistant, content: Command.exit.description))
        return messages
    }

    static let all = [
        WorkedExample(
            task: RepairTask(
                id: "example/perimeter", prompt: "Write a function that returns the perimeter of a rectangle.",
                program: "def perimeter(width, height)\n    return 2 * (width - height)\n",
                tests: .statements(["assert perimeter(3, 1) == 8", "assert perimeter(2, 2) == 8"])),
            feedback: "SyntaxError in line 1: expected ':'",
            turns: [
                (
                    .replace(line: 1, content: "def perimeter(width, height):"),
                    "test 1: got 4, want 8\ntest 2: got 0, want 8"
                ),
                (.substitute(line: 2, old: "width - height", new: "width + height"), "All tests pass."),
            ]),
        WorkedExample(
            task: RepairTask(
                id: "example/squares", prompt: "Write a function that returns the squares of the numbers in a list.",
                program: "def squares(numbers):\n    numbers.pop()\n    result = [n * n for n in numbers]\n",
                tests: .statements(["assert squares([1, 2]) == [1, 4]"])),
            feedback: "test 1: got None, want [1, 4]",
            turns: [
                (.insert(line: 4, content: "    return result"), "test 1: got [1], want [1, 4]"),
                (.delete(line: 2), "The test passes."),
            ]),
    ]
}
