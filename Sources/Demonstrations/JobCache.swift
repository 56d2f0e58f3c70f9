public import PythonSandbox

/// Runs jobs in the sandbox, each program once as long as it is remembered.
///
/// Remembers between `capacity` / 2 and `capacity` reports: those of two generations, of which the older is dropped.
public actor JobCache {
    private let sandbox: PythonSandbox
    private let capacity: Int
    private var young: [SandboxJob: SandboxReport] = [:]
    private var old: [SandboxJob: SandboxReport] = [:]
    /// Jobs that reached the sandbox, and all that were asked for.
    public private(set) var runs = 0
    public private(set) var requests = 0

    public init(_ sandbox: PythonSandbox, capacity: Int = 8_192) {
        self.sandbox = sandbox
        self.capacity = capacity
    }

    public func run(_ job: SandboxJob) async throws -> SandboxReport {
        requests += 1
        if let report = young[job] { return report }
        var report: SandboxReport
        if let known = old[job] {
            report = known
        } else {
            runs += 1
            report = try await sandbox.run(job)
            // What programs print may be long, and no demonstration shows it.
            report.output = ""
        }
        if young.count >= capacity / 2 {
            old = young
            young = [:]
        }
        young[job] = report
        return report
    }
}
