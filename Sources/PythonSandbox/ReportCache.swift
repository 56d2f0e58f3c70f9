/// Keeps the reports of recent jobs: two generations, of which the older is dropped when the younger is full.
///
/// Both look-up and storage take constant time; between half of the capacity and all of it is kept. The capacity is in
/// jobs and in bytes of text, since a report may hold what a program printed.
struct ReportCache {
    private let half: Int
    private let halfBytes: Int
    private var young: [SandboxJob: SandboxReport] = [:]
    private var old: [SandboxJob: SandboxReport] = [:]
    private var youngBytes = 0

    init(capacity: Int, bytes: Int = 64 << 20) {
        half = (capacity + 1) / 2
        halfBytes = bytes / 2
    }

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
        let size = job.textByteCount + report.textByteCount
        guard size <= halfBytes else { return }
        if young.count >= half || youngBytes + size > halfBytes {
            (old, young) = (young, [:])
            youngBytes = 0
        }
        if young.updateValue(report, forKey: job) == nil { youngBytes += size }
    }
}

extension SandboxJob {
    fileprivate var textByteCount: Int {
        let suite =
            switch tests {
            case .statements(let statements): statements.reduce(0) { $0 + $1.utf8.count + 16 }
            case .file(let source, _), .doctests(let source): source.utf8.count
            }
        let hidden = hiddenTests.reduce(0) { $0 + $1.utf8.count + 16 }
        let others = [prelude, setup].reduce(0) { $0 + ($1?.utf8.count ?? 0) }
        return program.utf8.count + others + suite + hidden
    }
}

extension SandboxReport {
    /// Roughly: the texts, and a little for each test.
    fileprivate var textByteCount: Int {
        (tests + hiddenTests).reduce(output.utf8.count + (programError?.message.utf8.count ?? 0)) { sum, test in
            let texts = [test.name, test.message, test.got, test.want, test.errorMessage]
            return texts.reduce(sum + 128) { $0 + ($1?.utf8.count ?? 0) }
        }
    }
}
