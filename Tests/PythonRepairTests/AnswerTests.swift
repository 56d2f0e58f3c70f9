import PythonRepair
import PythonSandbox
import StatefulTools
import Testing

@Suite struct AnswerTests {
    @Test(arguments: [
        ("Sure:\n```python\nx = 1\n```\nDone.", "x = 1\n"),
        ("```\nx = 1\n```", "x = 1\n"),
        ("```python\nx = 1\ny = 2", "x = 1\ny = 2\n"),
        ("```bash\nls\npwd\n```\n```py\nx = 1\n```", "x = 1\n"),
        ("```python\nx\n```\n```python\nx = 1\ny = 2\n```", "x = 1\ny = 2\n"),
        ("```\nx = 1\n```\nor\n```\nx = 2\n```", "x = 1\n"),
        ("<think>\n```python\nx\ny\nz\n```\n</think>\n```python\nx = 1\n```", "x = 1\n"),
        ("x = 1", "x = 1"),
        ("", ""),
    ])
    func `the program is found in an answer`(answer: String, program: String) {
        #expect(PythonRepair.program(in: answer) == program)
    }

    @Test func `think asks for words first and fix shows program and tests alone`() throws {
        let repair = RepairTask(
            id: "t", prompt: "", program: "x = 0\ny = 0\n", tests: .statements(["assert x + y == 9"]))
        let tool = try PythonRepair(repair)
        let feedback = "test 1: failed"
        func question(_ form: AnswerForm, thinks: Bool = false) -> [ChatMessage] {
            tool.question(feedback, form, thinks: thinks)
        }
        #expect(question(.feedback, thinks: true)[0].content.contains("step by step"))
        #expect(!question(.feedback)[0].content.contains("step"))
        let fix = question(.fix)
        #expect(fix.map(\.role) == [.user])
        #expect(fix[0].content.hasPrefix("```python\nx = 0"))
        #expect(fix[0].content.contains("assert x + y == 9"))
        #expect(!fix[0].content.contains("***"))
        let rewrite = question(.rewrite)[0].content
        #expect(rewrite.contains("This program is wrong:\n```python\nx = 0"))
        #expect(rewrite.contains("It fails:\ntest 1: failed"))
    }
}
