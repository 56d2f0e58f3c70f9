import Foundation
import Runs
import StatefulTools
import Testing

@Suite struct TraceFileTests {
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "traces-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    /// A trace made of the least that the format asks for.
    func trace(_ task: String, sample: Int = 0, seconds: Double = 0) throws -> Trace {
        let rules = String(decoding: try JSONEncoder().encode(RewardRules()), as: UTF8.self)
        let line = """
            {"version": \(Trace.currentVersion), "task": "\(task)", "tool": "t", "sample": \(sample), "seed": 0,
             "method": "coe", "policy": "p", "initialState": "s", "turns": [], "exit": "exit", "rules": \(rules),
             "seconds": \(seconds)}
            """
        return try Trace.read(Data(line.utf8))
    }

    func append(text: String, to file: TraceFile) throws {
        let handle = try FileHandle(forWritingTo: file.url)
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
    }

    @Test func `the last line of each episode counts, at the place of the first`() throws {
        let file = TraceFile(folder: folder)
        #expect(try file.read().isEmpty)
        try file.append([trace("a"), trace("b"), trace("a", sample: 1)])
        try file.append(trace("a", seconds: 2))
        #expect(
            try file.read() == [trace("a", seconds: 2), trace("b"), trace("a", sample: 1)])
    }

    @Test func `a line that was cut off is skipped, and removed by the next write`() throws {
        let file = TraceFile(folder: folder)
        try file.append(trace("a"))
        try append(text: "{\"task\": \"b\", \"ver", to: file)
        #expect(try file.read() == [trace("a")])
        try file.append(trace("c"))
        #expect(try file.read() == [trace("a"), trace("c")])
        #expect(try Data(contentsOf: file.url).split(separator: 0x0A).count == 2)
    }

    @Test(arguments: [("{}", "format 1"), ("{\"version\": 2}", "\"task\" is missing"), ("nonsense", "not JSON")])
    func `a line that is no trace is named`(line: String, why: String) throws {
        let file = TraceFile(folder: folder)
        try file.append([trace("a"), trace("b")])
        try append(text: line + "\n", to: file)
        #expect { try file.read() } throws: { error in
            (error as? RunError)?.code == .damaged && "\(error)".contains("traces.jsonl, line 3: ")
                && "\(error)".contains(why)
        }
    }

    @Test func `a folder that can't be written is a sentence`() throws {
        let file = TraceFile(folder: folder.appending(path: "nowhere"))
        #expect { try file.append(trace("a")) } throws: { ($0 as? RunError)?.code == .unwritable }
    }
}
