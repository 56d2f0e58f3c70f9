import Demonstrations
import Foundation
import StatefulTools
import TestSupport
import Testing
import Tools

/// What Fuzz/run keeps: each input is read or refused, none crashes or hangs.
@Suite(.timeLimit(.minutes(1))) struct FuzzTests {
    @Test func `task files and demonstrations`() throws {
        let folder = URL(filePath: fixture("fuzz/jsonl"))
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
            for task in (try? Toolbox.standard.load(file: file)) ?? [] { _ = task.messages("", .examples) }
            var statistics = Statistics()
            var first: Demonstration.Meta?
            try? Demonstration.forEach(in: file) {
                statistics.add($0, of: try Toolbox.standard.tool($0.task.tool))
                first = first ?? $0.meta
            }
            _ = (statistics.table, statistics.page(title: ""))
            guard let first else { continue }
            // Opening the file may shorten it.
            let copy = FileManager.default.temporaryDirectory.appending(path: "fuzz-\(UUID())")
            defer { try? FileManager.default.removeItem(at: copy) }
            try FileManager.default.copyItem(at: file, to: copy)
            let options = LessonOptions(seed: first.seed, family: first.family, prompt: first.prompt)
            try? DemonstrationFile(copy, options: options).close()
        }
    }
}
