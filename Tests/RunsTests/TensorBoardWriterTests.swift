import Foundation
import TestSupport
import Testing

@testable import Runs

@Suite struct TensorBoardWriterTests {
    let folder = FileManager.default.temporaryDirectory.appending(path: "board-\(UUID())")

    @Test func `the checksum is Castagnoli's`() {
        // RFC 3720, appendix B.4, and the check value of the usual catalogues.
        #expect(crc32c(Array("123456789".utf8)) == 0xE306_9283)
        #expect(crc32c([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(crc32c((0..<32).map { $0 }) == 0x46DD_794E)
    }

    @Test func `a record is framed as TensorFlow frames it`() {
        // What tensorboard.summary.writer.record_writer.RecordWriter writes for b"abc".
        let expected: [UInt8] = [
            3, 0, 0, 0, 0, 0, 0, 0, 0xB0, 0x99, 0x49, 0x0E, 0x61, 0x62, 0x63, 0x6E, 0x57, 0xF1, 0x21,
        ]
        #expect(TensorBoardWriter.record(Array("abc".utf8)) == expected)
    }

    @Test func `the real TensorBoard reads every value, and a resumed run as one`() throws {
        guard let python = python(with: "tensorboard", named: "COE_TENSORBOARD_PYTHON") else {
            print("Skipped: no Python with the package tensorboard; set COE_TENSORBOARD_PYTHON to one.")
            return
        }
        defer { try? FileManager.default.removeItem(at: folder) }
        var first = try TensorBoardWriter(folder: folder)
        for step in 1...5 { try first.scalars(["loss": 1 / Double(step), "eval/pass@1": 0.25], step: step) }
        // A crash after step 5; the checkpoint was of step 3.
        var second = try TensorBoardWriter(folder: folder)
        for step in 4...6 { try second.scalars(["loss": -Double(step), "größe": 1e300], step: step) }

        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: python)
        process.arguments = ["-c", Self.reader, folder.path(percentEncoded: false)]
        process.standardOutput = output
        try process.run()
        let data = try #require(try output.fileHandleForReading.readToEnd())
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let read = try JSONDecoder().decode([String: [[Double?]]].self, from: data)
        let loss =
            (1...3).map { [Double($0), Double(Float(1 / Double($0)))] } + (4...6).map { [Double($0), -Double($0)] }
        #expect(read["loss"] == loss)
        #expect(read["eval/pass@1"]?.map { $0[0] } == [1, 2, 3])
        // Beyond 32 bits a value is infinite, which JSON has no word for.
        #expect(read["größe"] == [[4, nil], [5, nil], [6, nil]])
    }

    private static let reader = """
        import json, math, sys
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        board = EventAccumulator(sys.argv[1])
        board.Reload()
        assert board.file_version == 2.0
        print(json.dumps({tag: [[e.step, e.value if math.isfinite(e.value) else None] for e in board.Scalars(tag)]
                          for tag in board.Tags()["scalars"]}))
        """
}
