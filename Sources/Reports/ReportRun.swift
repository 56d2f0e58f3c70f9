public import Evaluation
public import Foundation
import Runs
public import StatefulTools

/// A run folder as a report shows it: an evaluation, a training run, or rollouts.
public struct ReportRun: Sendable {
    public var name: String
    /// What the run played; nil of a training run without traces.
    public var evaluation: EvaluationRun?
    /// Whether the traces are an evaluation's, for which pass@k and the like make sense.
    public var isEvaluation: Bool
    /// The text of each token, where it is known.
    public var tokenTexts: [Int: String]
    /// The text of `run.json`.
    var settings: String
    var metrics: Metrics
    /// The starts of the run.
    var provenance: [Provenance] = []
    /// How long all starts took; nil where it is not known.
    var seconds: Double? {
        let evaluating = evaluation?.starts.reduce(0) { $0 + $1.seconds } ?? 0
        let training = metrics.series["step_time"]?.reduce(0) { $0 + $1.value } ?? 0
        return evaluating + training > 0 ? evaluating + training : nil
    }

    /// Reads a run's folder.
    ///
    /// - Parameter tools: the tools that the tasks may be for.
    /// - Throws: ``ReportError`` when there is neither a trace nor a metric in it, a file is damaged, or an older coe wrote
    ///   it.
    public init(folder: URL, tools: Toolbox) throws {
        let path = folder.path(percentEncoded: false)
        name = folder.standardizedFileURL.lastPathComponent
        settings = (try? String(contentsOf: folder.appending(path: "run.json"), encoding: .utf8)) ?? ""
        metrics = Metrics(file: folder.appending(path: "metrics.jsonl"))
        provenance = RunFolder(folder).provenance
        tokenTexts = TokenTexts(folder: folder).texts
        isEvaluation = true
        do {
            evaluation = try EvaluationRun(folder: folder, tools: tools)
        } catch let error as EvaluationError where error.code == .noRun {
            isEvaluation = false
            evaluation = try Self.rollouts(in: folder, tools: tools)
        } catch {
            throw ReportError(.noRun, "\(error)")
        }
        if evaluation == nil && metrics.isEmpty {
            throw ReportError(
                .noRun, "\(path) holds nothing to report: neither traces.jsonl nor metrics.jsonl with a value.")
        }
    }

    /// The episodes of a training run; nil where there are none.
    private static func rollouts(in folder: URL, tools: Toolbox) throws -> EvaluationRun? {
        do {
            let traces = try TraceFile(folder: folder).read()
            guard let first = traces.first else { return nil }
            var configuration = EvaluationConfiguration(set: "", method: .coe, model: first.policy)
            configuration.samples = (traces.map(\.sample).max() ?? 0) + 1
            return EvaluationRun(
                configuration: configuration, tasks: try EvaluationRun.tasks(in: folder, tools: tools), traces: traces)
        } catch {
            throw ReportError(.noRun, "\(error)")
        }
    }

    /// An evaluation that is not on disk.
    public init(name: String, evaluation: EvaluationRun, tokenTexts: [Int: String] = [:]) {
        self.name = name
        self.evaluation = evaluation
        self.tokenTexts = tokenTexts
        isEvaluation = true
        settings = ""
        metrics = Metrics(file: URL(filePath: "/nonexistent"))
    }
}
