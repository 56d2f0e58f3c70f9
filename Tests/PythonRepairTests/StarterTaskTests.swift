import PythonRepair
import PythonSandbox
import Testing

@Suite struct StarterTaskTests {
    @Test func `there are at least 150, each with four visible and four hidden tests`() {
        #expect(RepairTask.starter.count >= 150)
        #expect(Set(RepairTask.starter.map(\.id)).count == RepairTask.starter.count)
        for task in RepairTask.starter {
            guard case .statements(let tests) = task.tests else {
                Issue.record("\(task.id) has no statements")
                continue
            }
            #expect(tests.count >= 4 && task.hiddenTests.count >= 4, "\(task.id)")
            #expect(!task.prompt.isEmpty && task.reference == task.program, "\(task.id)")
        }
    }

    @Test func `every program passes its visible and hidden tests`() async throws {
        let sandbox = try await PythonSandbox()
        for task in RepairTask.starter {
            let report = try await sandbox.run(task.job(program: task.program))
            #expect(report.passed && report.hiddenPassed, "\(task.id): \(report)")
        }
        await sandbox.shutdown()
    }
}
