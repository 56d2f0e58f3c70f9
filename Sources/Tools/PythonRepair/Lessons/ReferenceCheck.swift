import PythonSandbox

/// Whether a task can be used for demonstrations.
enum ReferenceCheck {
    /// Its reference passes; what is made of it runs within these limits.
    case usable(SandboxLimits)
    case unusable(String)
}

extension RepairTask {
    /// Whether the task's reference passes, and within which limits what is made of it runs.
    ///
    /// Faulty programs often never end, and each costs the full limit; so it is a short one where the reference needs
    /// less than half of it. Of processor time, since what is made must not follow from how busy a machine is.
    func checkReference(in sandbox: PythonSandbox) async throws -> ReferenceCheck {
        guard let reference else { return .unusable("it has no reference") }
        var failure = ""
        for (seconds, limit) in [(0.1, 0.2), (5, 5)] {
            let limits = SandboxLimits(wallSeconds: 10, cpuSeconds: seconds)
            let job = job(program: reference, limits: limits)
            do {
                let report = try await sandbox.run(job)
                if report.passed && report.hiddenPassed {
                    return .usable(SandboxLimits(wallSeconds: 10, cpuSeconds: limit))
                }
                if let refusal = report.refusal { return .unusable(refusal.description) }
                failure = report.failure ?? "hidden tests"
            } catch {
                if error.code == .unusableTests { return .unusable(error.description) }
                throw error
            }
        }
        return .unusable("its reference fails: \(failure)")
    }
}
