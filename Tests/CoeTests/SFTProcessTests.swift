import Foundation
import TestSupport
import Testing

/// `coe sft` as a process that is killed, stopped and refused the disk.
@Suite(.serialized) struct SFTProcessTests {
    let folder: URL
    let model: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "coe-sft-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        model = try byteModelFolder().path(percentEncoded: false)
        try finish(
            try start("exec \(coe) data synthesize --count 16 --max-faults 1 --seed 1 --out demos.jsonl"))
    }

    /// It stands beside the test bundle.
    var coe: String {
        URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "coe")
            .path(percentEncoded: false)
    }

    func sft(_ out: String) -> String {
        "exec \(coe) sft --data demos.jsonl --model \(model) --out \(out) --batch 2 --max-length 4000 --validate-every 2 "
            + "--rank 8 --precision float32"
    }

    func start(_ command: String) throws -> (process: Process, errors: URL) {
        let process = Process()
        let errors = folder.appending(path: "errors-\(UUID())")
        try Data().write(to: errors)
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = ["-c", command]
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.merging(["OMP_WAIT_POLICY": "passive"]) { $1 }
        process.standardError = try FileHandle(forWritingTo: errors)
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        return (process, errors)
    }

    @discardableResult
    func finish(_ run: (process: Process, errors: URL), expecting code: Int32 = 0) throws -> String {
        run.process.waitUntilExit()
        let errors = try String(contentsOf: run.errors, encoding: .utf8)
        #expect(run.process.terminationStatus == code, "\(errors)")
        return errors
    }

    func adapter(_ out: String) throws -> Data {
        try Data(contentsOf: folder.appending(path: "\(out)/adapter/adapter_model.safetensors"))
    }

    @Test func aRunKilledAtAnyMomentResumesToTheSameBytes() throws {
        try finish(try start(sft("whole")))
        var kills = 0
        // Later and later, so that it dies while it loads, steps and saves, and gets through in the end.
        for delay in stride(from: 0.3, through: 30, by: 0.35) {
            let run = try start(sft("killed") + " --resume")
            let deadline = Date(timeIntervalSinceNow: delay)
            while run.process.isRunning, Date() < deadline { usleep(5_000) }
            guard run.process.isRunning else {
                try finish(run)
                break
            }
            kill(run.process.processIdentifier, SIGKILL)
            run.process.waitUntilExit()
            kills += 1
        }
        #expect(kills > 0)
        #expect(try adapter("killed") == adapter("whole"))
    }

    @Test func theFirstInterruptSavesAndTheRunGoesOn() throws {
        try finish(try start(sft("whole")))
        let run = try start(sft("stopped"))
        let metrics = folder.appending(path: "stopped/metrics.jsonl")
        while run.process.isRunning, ((try? Data(contentsOf: metrics))?.count ?? 0) == 0 { usleep(2_000) }
        kill(run.process.processIdentifier, SIGINT)
        run.process.waitUntilExit()
        // Very late interrupts find the run finished.
        #expect([0, 130].contains(run.process.terminationStatus))
        if run.process.terminationStatus == 130 {
            #expect(try String(contentsOf: run.errors, encoding: .utf8).contains("--resume"))
            try finish(try start(sft("stopped") + " --resume"))
        }
        #expect(try adapter("stopped") == adapter("whole"))
    }

    @Test func aFullDiskStopsTheRunWithASentenceAndLeavesNothingHalf() throws {
        // Files of at most 64 KiB: the adapter's does not fit.
        let message = try finish(
            try start("trap '' XFSZ; ulimit -f 64; " + sft("full")), expecting: 2)
        #expect(message.contains("cannot be written"))
        let files = try FileManager.default.subpathsOfDirectory(
            atPath: folder.appending(path: "full").path(percentEncoded: false))
        #expect(!files.contains { $0.contains("partial") || $0.contains("step-") })
    }

    @Test func wrongInputIsNamed() throws {
        try Data("{\"messages\":[]}\n".utf8).write(to: folder.appending(path: "other.jsonl"))
        let foreign = try finish(
            try start("exec \(coe) sft --data other.jsonl --model \(model) --out out"), expecting: 2)
        #expect(foreign.contains("other.jsonl, line 1"))
        let rank = try finish(
            try start("exec \(coe) sft --data demos.jsonl --model \(model) --out out --rank 0"), expecting: 64)
        #expect(rank.contains("--rank"))
        let long = try finish(
            try start("exec \(coe) sft --data demos.jsonl --model \(model) --out out --max-length 5"), expecting: 2)
        #expect(long.contains("at most 5 tokens"))
        #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "out").path(percentEncoded: false)))
    }
}
