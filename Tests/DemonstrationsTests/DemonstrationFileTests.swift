import Demonstrations
import Foundation
import PythonRepair
import PythonSandbox
import StatefulTools
import Testing
import Tools

@Suite struct DemonstrationFileTests {
    func path() -> URL { FileManager.default.temporaryDirectory.appending(path: "demonstrations-\(UUID()).jsonl") }

    /// Writes until the file holds `count`.
    func write(_ count: Int, to path: URL, _ options: LessonOptions, workers: Int) async throws {
        let sandbox = try await PythonSandbox()
        let synthesizer = try await synthesizer(of: someTasks, options, sandbox)
        var file = try DemonstrationFile(path, options: options)
        try await synthesizer.run(from: file.nextIndex, workers: workers) { _, demonstration in
            if let demonstration { try file.append(demonstration) }
            return file.count < count
        }
        try file.close()
        await sandbox.shutdown()
    }

    @Test func `an interrupted run goes on to the same bytes`() async throws {
        let options = LessonOptions(seed: 11, recovery: 0.2)
        let whole = path()
        try await write(30, to: whole, options, workers: 4)
        let bytes = try Data(contentsOf: whole)
        let cut = path()
        // In the middle of a line, as a kill leaves it.
        try bytes.prefix(bytes.count * 2 / 5).write(to: cut)
        try await write(30, to: cut, options, workers: 1)
        #expect(try Data(contentsOf: cut) == bytes)
    }

    @Test func `what is there already is not written again`() async throws {
        let options = LessonOptions(seed: 12)
        let path = path()
        try await write(3, to: path, options, workers: 1)
        var file = try DemonstrationFile(path, options: options)
        var lines = 0
        try Demonstration.forEach(in: path) { demonstration in
            lines += 1
            let isNew = try file.append(demonstration)
            #expect(!isNew)
        }
        #expect(lines == 3 && file.count == 3)
    }

    @Test func `a file of other options, or of something else, is left alone`() async throws {
        let path = path()
        try await write(2, to: path, LessonOptions(seed: 13), workers: 1)
        let before = try Data(contentsOf: path)
        #expect(throws: ToolTaskError.self) { try DemonstrationFile(path, options: LessonOptions(seed: 14)) }
        #expect(throws: ToolTaskError.self) {
            try DemonstrationFile(path, options: LessonOptions(seed: 13, prompt: .paper))
        }
        #expect(try Data(contentsOf: path) == before)
        let foreign = self.path()
        try Data("{\"a\": 1}\n".utf8).write(to: foreign)
        #expect(throws: ToolTaskError.self) { try DemonstrationFile(foreign, options: LessonOptions()) }
        #expect(try String(contentsOf: foreign, encoding: .utf8) == "{\"a\": 1}\n")
    }

    @Test func `TRL's completions are the answers to be learned, each with all that goes before`() async throws {
        let made = try await demonstrations(6, LessonOptions(seed: 15, recovery: 1))
        for demonstration in made {
            let rows = demonstration.rows(.trl, from: try Toolbox.standard.start(demonstration.task))
            #expect(rows.count == demonstration.meta.commands)
            let learned = demonstration.messages.filter { $0.learn == true }.map(\.content)
            let completions = rows.compactMap { row -> String? in
                guard case .array(let messages)? = row["completion"], messages.count == 1,
                    case .string(let content)? = messages[0]["content"]
                else { return nil }
                return content
            }
            #expect(completions == learned)
            guard case .array(let prompt)? = rows.last?["prompt"] else {
                Issue.record("no prompt")
                continue
            }
            #expect(prompt.count == demonstration.messages.count - 1)
        }
    }

    @Test func `verl's and OpenEnv's rows hold the start and the answer`() async throws {
        let made = try await demonstrations(2, LessonOptions(seed: 16))
        for demonstration in made {
            let start = try Toolbox.standard.start(demonstration.task)
            let verl = try #require(demonstration.rows(.verl, from: start).first)
            #expect(verl["reward_model"]?["ground_truth"] == start.solution.map(JSONValue.string))
            #expect(verl["extra_info"]?["task"]?["program"] == .string(start.state))
            guard case .array(let prompt)? = verl["prompt"] else {
                Issue.record("no prompt")
                continue
            }
            #expect(prompt.last?["content"] == .string(demonstration.messages[0].content))
            // A server's reset takes this task.
            let openenv = try #require(demonstration.rows(.openenv, from: start).first)
            let task = try JSONDecoder().decode(ToolTask.self, from: JSONEncoder().encode(openenv["task"]))
            #expect(task == demonstration.task)
            #expect(openenv["episode_id"] == .string(demonstration.id))
        }
    }

    @Test func `the statistics count what is there`() async throws {
        let made = try await demonstrations(20, LessonOptions(seed: 17, recovery: 0.4))
        var statistics = Statistics()
        for demonstration in made {
            statistics.add(demonstration, of: PythonRepair.self) { $0.split(separator: " ").count }
        }
        #expect(statistics.items == 20)
        #expect(statistics.commands["EXIT"] == 20)
        #expect(statistics.kinds.values.reduce(0, +) == 20)
        #expect(statistics.failures.values.reduce(0, +) == 20)
        #expect(statistics.operators.values.reduce(0, +) == made.reduce(0) { $0 + $1.meta.operators.count })
        #expect(statistics.editDistance.sum == made.reduce(0) { $0 + ($1.meta.editDistance ?? 0) })
        #expect(statistics.learnedTokens.sum > 0 && statistics.learnedTokens.sum < statistics.tokens.sum)
        let page = statistics.page(title: "a <b>")
        #expect(page.contains("a &lt;b>") && page.contains("<svg") && !page.contains("http"))
        #expect(statistics.table.contains("EXIT"))
    }

    @Test func `statistics of a tool without lines and distances count its commands`() async throws {
        let made = try await demonstrations(
            20, LessonOptions(seed: 18), of: Toolbox.standard.load("countdown", split: .test))
        var statistics = Statistics()
        let tool = try Toolbox.standard.tool("countdown")
        for demonstration in made { statistics.add(demonstration, of: tool) }
        #expect(statistics.items == 20 && statistics.commands["EXIT"] == 20)
        #expect(statistics.lineSteps.count == 0 && statistics.editDistance.count == 0)
        #expect(statistics.kinds == ["expert": 20])
    }

    @Test func `a demonstration file of an older coe is read, and its starts are tasks`() async throws {
        let line = """
            {"id":"t#3-0","messages":[{"content":"p","role":"user"},{"content":"### EXIT","learn":true,"role":"assistant"}],\
            "meta":{"commands":1,"editDistance":4,"failure":"AssertionError","family":"mixed","index":0,"kind":"corruption",\
            "operators":["call"],"seed":3,"source":"t","state":"compact-diff"},\
            "task":{"id":"t#3-0","program":"x = 1","prompt":"p","reference":"x = 2","tests":["assert x == 2"]}}

            """
        let path = path()
        try Data(line.utf8).write(to: path)
        var read: [Demonstration] = []
        try Demonstration.forEach(in: path) { read.append($0) }
        #expect(read.first?.meta.prompt == .compactDiff && read.first?.meta.kind == "corruption")
        #expect(Demonstration.isFile(path))
        // Its first line may be blank, or no demonstration of this version.
        for text in [" \r\n" + line, #"{"messages":[],"task":7}"# + "\n"] {
            try Data(text.utf8).write(to: path)
            #expect(Demonstration.isFile(path))
        }
        try Data(#"{"id":"t","program":"x","tests":["assert 0"]}"#.utf8).write(to: path)
        #expect(!Demonstration.isFile(path))
        try Data(line.utf8).write(to: path)
        let tasks = try Toolbox.standard.load(path.path(percentEncoded: false), split: .train)
        #expect(tasks.map(\.id) == ["t#3-0"] && tasks.first?.state == "x = 1")
        // And is written as it was.
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        #expect(try encoder.encode(read[0]) + [0x0A] == Data(line.utf8))
    }

    @Test func `quantiles and means are those of the values`() {
        var values = Statistics.Distribution()
        for value in [5, 1, 1, 9, 4] { values.add(value) }
        #expect(values.mean == 4)
        #expect([0, 0.5, 0.8, 1].map(values.quantile) == [1, 4, 5, 9])
    }
}
