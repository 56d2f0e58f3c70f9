import Episodes
public import Evaluation
public import Foundation
import RepairTasks

/// A run folder as a report shows it: an evaluation, a training run, or rollouts.
public struct ReportRun: Sendable {
    public var name: String
    /// What the run played; nil of a training run without traces.
    public var evaluation: EvaluationRun?
    /// Whether the traces are an evaluation's, for which pass@k and the like make sense.
    public var isEvaluation: Bool
    /// The text of each token, where it is known.
    public var tokenTexts: [Int: String]
    /// `run.json` as it stands.
    var settings: String
    var metrics: Metrics

    /// Reads a run's folder.
    ///
    /// - Throws: ``ReportError`` when there is neither a trace nor a metric in it, or a file is damaged.
    public init(folder: URL) throws {
        let path = folder.path(percentEncoded: false)
        name = folder.standardizedFileURL.lastPathComponent
        settings = (try? String(contentsOf: folder.appending(path: "run.json"), encoding: .utf8)) ?? ""
        metrics = Metrics(file: folder.appending(path: "metrics.jsonl"))
        tokenTexts = TokenTexts(folder: folder).texts
        do {
            evaluation = try EvaluationRun(folder: folder)
            isEvaluation = true
        } catch let error as EvaluationError where error.code == .noRun {
            isEvaluation = false
            do {
                let traces = try EvaluationRun.traces(in: folder)
                if !traces.isEmpty {
                    let samples = (traces.map(\.sample).max() ?? 0) + 1
                    evaluation = EvaluationRun(
                        configuration: EvaluationConfiguration(
                            set: "", method: .coe, model: traces[0].policy, samples: samples),
                        tasks: EvaluationRun.tasks(of: traces), traces: traces)
                }
            } catch {
                throw ReportError(.noRun, "\(error)")
            }
        } catch {
            throw ReportError(.noRun, "\(path): \(error)")
        }
        if evaluation == nil && metrics.isEmpty {
            throw ReportError(
                .noRun, "\(path) holds nothing to report: neither traces.jsonl nor metrics.jsonl with a value.")
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
