/// Keeps the reports of recent jobs: two generations, of which the older is dropped when the younger is full.
///
/// Both look-up and storage take constant time; between half of the capacity and all of it is kept.
struct ReportCache {
    private let half: Int
    private var young: [SandboxJob: SandboxReport] = [:]
    private var old: [SandboxJob: SandboxReport] = [:]

    init(capacity: Int) { half = (capacity + 1) / 2 }

    /// The report of an equal job.
    subscript(job: SandboxJob) -> SandboxReport? {
        mutating get {
            if let report = young[job] { return report }
            guard let report = old.removeValue(forKey: job) else { return nil }
            keep(report, for: job)
            return report
        }
    }

    /// Keeps a report unless it may be another on a machine that is less busy.
    mutating func store(_ report: SandboxReport, for job: SandboxJob) {
        let chancy: Set<TestOutcome.Status> = [.timeout, .memory]
        guard half > 0, !["Timeout", "MemoryError"].contains(report.programError?.type),
            !(report.tests + report.hiddenTests).contains(where: { chancy.contains($0.status) })
        else { return }
        keep(report, for: job)
    }

    private mutating func keep(_ report: SandboxReport, for job: SandboxJob) {
        if young.count >= half { (old, young) = (young, [:]) }
        young[job] = report
    }
}
