import Foundation
import StatefulTools
import Testing

@testable import Runs

@Suite struct RunFolderTests {
    let folder: RunFolder

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "coe-folder-\(UUID())")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        folder = RunFolder(url)
    }

    private struct Settings: Codable {
        var steps = 3
        var inputs: [String]?
    }

    /// The files of a checkpoint are of several pages, as weights are.
    private func save(_ step: Int, _ kind: RunFolder.Kind = .step) throws {
        try folder.save(kind, step: step) { url in
            try Data(repeating: UInt8(step), count: 20_000).write(to: url.appending(path: "weights"))
            try Data("\(step)".utf8).write(to: url.appending(path: "state"))
        }
    }

    private func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path + "/checkpoints").sorted()
    }

    // MARK: - The lock

    @Test func `a folder belongs to one process at a time`() throws {
        defer { try? FileManager.default.removeItem(at: folder.url) }
        var lock: RunLock? = try folder.lock()
        #expect(lock != nil)
        #expect {
            _ = try folder.lock()
        } throws: {
            ($0 as? RunError)?.code == .inUse
                && "\($0)".contains("process \(ProcessInfo.processInfo.processIdentifier)")
                && "\($0)".contains("another --out")
        }
        lock = nil
        #expect(throws: Never.self) { _ = try folder.makeAndLock() }
        #expect(try RunFolder(folder.url.appending(path: "none")).lock() == nil)
    }

    /// As when its holder is killed: the system gives the lock back.
    @Test func `the lock of a process that was killed is free`() throws {
        defer { try? FileManager.default.removeItem(at: folder.url) }
        let path = folder.url.appending(path: ".lock").path(percentEncoded: false)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["flock", "--no-fork", path, "sh", "-c", "echo locked; exec sleep 60"]
        let output = Pipe()
        process.standardOutput = output
        guard (try? process.run()) != nil, try output.fileHandleForReading.read(upToCount: 7) == Data("locked\n".utf8)
        else {
            print("Skipped: the program flock is missing.")
            return
        }
        #expect(throws: RunError.self) { _ = try folder.lock() }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        let deadline = Date.now + 5
        var lock: RunLock?
        while lock == nil, Date.now < deadline {
            lock = (try? folder.lock()) ?? nil
            usleep(50_000)
        }
        #expect(lock != nil)
    }

    // MARK: - Inputs

    @Test func `a changed input is named`() throws {
        defer { try? FileManager.default.removeItem(at: folder.url) }
        let data = folder.url.appending(path: "demos.jsonl")
        try Data("{}\n".utf8).write(to: data)
        let path = data.path(percentEncoded: false)
        let lines = try InputDigest.lines([path, "countdown-4"])
        #expect(lines.count == 1 && lines[0].hasSuffix(" " + path))
        try folder.open(Settings(inputs: lines))
        #expect(throws: Never.self) { try folder.check(inputs: lines) }
        // Other settings are compared without them.
        #expect(throws: Never.self) { try folder.check(Settings(inputs: nil), resume: true) }
        try Data("{ }\n".utf8).write(to: data)
        #expect {
            try folder.check(inputs: InputDigest.lines([path, "countdown-4"]))
        } throws: {
            ($0 as? RunError)?.code == .changedInput && "\($0)".contains("input \(path) has changed")
        }
        try FileManager.default.removeItem(at: data)
        #expect(throws: RunError.self) { try folder.check(inputs: InputDigest.lines([path])) }
        // A run of an older coe has no digests.
        try folder.open(Settings())
        #expect(throws: Never.self) { try folder.check(inputs: lines) }
    }

    @Test func `one bit, one byte and one place count in a digest`() throws {
        func digest(_ bytes: [UInt8]) -> String {
            var digest = InputDigest()
            bytes.withUnsafeBytes { digest.add($0) }
            return digest.text
        }
        let bytes = (0..<61).map { UInt8($0) }
        var seen = Set([digest(bytes), digest(bytes + [0]), digest(Array(bytes.dropLast())), digest([])])
        for bit in 0..<61 * 8 {
            var other = bytes
            other[bit / 8] ^= 1 << (bit % 8)
            seen.insert(digest(other))
        }
        for place in 1..<61 {
            var other = bytes
            other.swapAt(place - 1, place)
            seen.insert(digest(other))
        }
        #expect(seen.count == 4 + 61 * 8 + 60)
    }

    // MARK: - Checkpoints

    @Test func `the last two checkpoints stay`() throws {
        defer { try? FileManager.default.removeItem(at: folder.url) }
        for step in 1...4 { try save(step) }
        try save(2, .best)
        #expect(try names() == ["best-step-2", "step-3", "step-4"])
        #expect(try folder.latest()?.step == 4)
    }

    @Test func `one flipped bit makes a run fall back, with a sentence`() throws {
        defer { try? FileManager.default.removeItem(at: folder.url) }
        for step in 1...3 { try save(step) }
        let file = folder.url.appending(path: "checkpoints/step-3/weights")
        var bytes = try Data(contentsOf: file)
        bytes[12_345] ^= 4
        try bytes.write(to: file)
        var notes: [String] = []
        #expect(try folder.latest { notes.append($0) }?.step == 2)
        #expect(notes.count == 1 && notes[0].contains("step-3 is damaged (weights)"))
        // The next checkpoint takes the damaged one's place.
        try save(3)
        #expect(try folder.latest()?.step == 3)
        // A missing file is damage too, and without a whole checkpoint there is no silence.
        for step in 2...3 {
            try FileManager.default.removeItem(at: folder.url.appending(path: "checkpoints/step-\(step)/state"))
        }
        #expect { try folder.latest() } throws: {
            ($0 as? RunError)?.code == .damaged && "\($0)".contains("no older checkpoint")
        }
    }

    @Test func `a step that was played again replaces later checkpoints`() throws {
        defer { try? FileManager.default.removeItem(at: folder.url) }
        for step in [5, 10] { try save(step) }
        try save(6)
        #expect(try names() == ["step-5", "step-6"])
    }

    @Test func `a refusal of the disk is told in the system's words`() {
        let full = CocoaError(.fileWriteOutOfSpace)
        #expect(words(of: full) == "No space left on device.")
        let cause = NSError(domain: NSPOSIXErrorDomain, code: Int(ENOSPC))
        let wrapped = NSError(domain: NSCocoaErrorDomain, code: 512, userInfo: [NSUnderlyingErrorKey: cause])
        #expect(words(of: wrapped) == "No space left on device.")
        #expect(words(of: RunError(.damaged, "A sentence.")) == "A sentence.")
    }
}
