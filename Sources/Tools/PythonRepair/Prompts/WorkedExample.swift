import PythonSandbox
import StatefulTools

/// A short episode shown to a model that was never trained on the commands.
///
/// Ours, from no data set. The feedback is written down, not computed, since no sandbox runs while a prompt is made;
/// a test plays each example in the sandbox and compares.
struct WorkedExample {
    var task: RepairTask
    /// The feedback on the program as given.
    var feedback: String
    var turns: [(command: Command, feedback: String)]

    func messages(_ style: PromptStyle) -> [ChatMessage] {
        var program = ProgramText(task.program)
        var messages = [
            ChatMessage(role: .user, content: task.opening + program.shown(feedback: feedback, style))
        ]
        for turn in turns {
            messages.append(ChatMessage(role: .assistant, content: turn.command.description))
            try? program.apply(turn.command)
            messages.append(ChatMessage(role: .user, content: program.shown(feedback: turn.feedback, style)))
        }
        messages.append(ChatMessage(role: .assistant, content: Command.exit.description))
        return messages
    }

    static let all = [
        WorkedExample(
            task: RepairTask(
                id: "example/greet", prompt: "Write a function that greets a person.",
                program: "def greet(name)\n    return 'Hello ' + name\n",
                tests: .statements(["assert greet('Ada') == 'Hello Ada'"])),
            feedback: "SyntaxError in line 1: expected ':'",
            turns: [(.replace(line: 1, content: "def greet(name):"), "The test passes.")]),
        WorkedExample(
            task: RepairTask(
                id: "example/last", prompt: "Write a function that returns the last element.",
                program: "def last(items):\n    return items[0]\n",
                tests: .statements(["assert last([1, 2, 3]) == 3", "assert last([5]) == 5"])),
            feedback: "test 1: got 1, want 3",
            turns: [(.replace(line: 2, content: "    return items[-1]"), "All tests pass.")]),
        WorkedExample(
            task: RepairTask(
                id: "example/adult", prompt: "Write a function that tells whether a person is of age.",
                program: "def is_adult(age):\n    return age > 18\n",
                tests: .statements(["assert is_adult(18) == True", "assert is_adult(17) == False"])),
            feedback: "test 1: got False, want True",
            turns: [(.replace(line: 2, content: "    return age >= 18"), "All tests pass.")]),
        WorkedExample(
            task: RepairTask(
                id: "example/count-even", prompt: "Write a function that counts the even numbers.",
                program:
                    "def count_even(numbers):\n    count = 0\n    for number in numbers:\n        if number % 2 == 1:\n            count += 1\n    return count\n",
                tests: .statements(["assert count_even([1, 2, 3]) == 1", "assert count_even([5]) == 0"])),
            feedback: "test 1: got 2, want 1\ntest 2: got 1, want 0",
            turns: [(.replace(line: 4, content: "        if number % 2 == 0:"), "All tests pass.")]),
        WorkedExample(
            task: RepairTask(
                id: "example/area", prompt: "Write a function that returns the area of a rectangle.",
                program: "def area(width, height):\n    return width + height\n",
                tests: .statements(["assert area(3, 1) == 3", "assert area(2, 2) == 4"])),
            feedback: "test 1: got 4, want 3",
            turns: [(.replace(line: 2, content: "    return width * height"), "All tests pass.")]),
    ]
}
