import Evaluation
import Foundation
import Runs
import StatefulTools
import TestSupport
import Testing

@testable import Reports

/// What Fuzz/run keeps: each input is read or refused, none crashes or hangs.
@Suite(.timeLimit(.minutes(1))) struct FuzzTests {
    @Test func `traces and metrics`() throws {
        let folder = URL(filePath: fixture("fuzz/trace"))
        let text = TraceText(hasColour: true, columns: 80)
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
            let lines = try Data(contentsOf: file).split(separator: 0x0A)
            let traces = lines.compactMap { try? Trace.read(Data($0)) }
            for trace in traces { _ = (trace.sequence, text.row(1, trace), text.episode(1, trace, of: nil)) }
            let settings = EvaluationConfiguration(set: "", method: .coe, model: "")
            var run = ReportRun(
                name: "", evaluation: EvaluationRun(configuration: settings, tasks: [], traces: traces))
            run.metrics = Metrics(file: file)
            _ = try Report([run]).html()
        }
    }
}
