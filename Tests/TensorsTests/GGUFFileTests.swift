import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct GGUFFileTests {
    /// The reference multiplies in the same order but may fuse; two units in the last place of values around 10.
    let tolerance: Float = 2e-6

    @Test(arguments: GGUFFormat.allCases)
    func everyFormatEqualsTheReference(format: GGUFFormat) throws {
        let file = try GGUFFile(path: fixture("tensors/formats.gguf"))
        let reference = try SafetensorsFile(path: fixture("tensors/expected.safetensors"))
        let tensor = try #require(try file.tensor(format.description))
        let expected = try #require(try reference.tensor(format.description))
        #expect(file.entries[format.description]?.format == format)
        #expect(tensor.shape == expected.shape)
        for (ours, theirs) in zip(try tensor.floats(), try expected.floats()) {
            #expect(abs(ours - theirs) <= tolerance * max(1, abs(theirs)))
        }
    }

    @Test func metadataIsReadByType() throws {
        let file = try GGUFFile(path: fixture("tensors/formats.gguf"))
        #expect(file.string("general.architecture") == "llama")
        #expect(file.string("test.string") == "a line\nwith ümlauts")
        #expect(file.strings("test.strings") == ["one", "", "three"])
        #expect(file.integers("test.integers") == [1, -2, 3])
        #expect(file.number("test.number") == 0.5)
        #expect(file.bool("test.bool") == true)
        #expect(file.string("test.number") == nil)
    }

    @Test func aForeignFileIsRefused() throws {
        try withTemporaryFile(Array("PK\u{3}\u{4} this is a zip, not a model at all".utf8)) { path in
            #expect { try GGUFFile(path: path) } throws: { "\($0)".contains("is not a GGUF file") }
        }
    }

    @Test func aMissingFileAndAFolderAreRefused() throws {
        #expect { try GGUFFile(path: "/nowhere/model.gguf") } throws: { "\($0)".contains("No such file") }
        #expect { try GGUFFile(path: "/tmp") } throws: { "\($0)".contains("not a regular file") }
        try withTemporaryFile([]) { path in
            #expect { try GGUFFile(path: path) } throws: { "\($0)".contains("is not a GGUF file") }
        }
    }

    @Test func everyTruncationIsRefused() throws {
        let whole = [UInt8](try Data(contentsOf: URL(filePath: fixture("tensors/formats.gguf"))))
        for length in stride(from: 0, to: whole.count - 32, by: 97) {
            try withTemporaryFile(Array(whole[..<length])) { path in
                #expect(throws: TensorError.self, "cut at \(length)") { try GGUFFile(path: path) }
            }
        }
    }

    /// Random damage in the header either changes a harmless value or is refused; it never crashes.
    @Test func aDamagedHeaderNeverCrashes() throws {
        let whole = [UInt8](try Data(contentsOf: URL(filePath: fixture("tensors/formats.gguf"))))
        var random = SystemRandomNumberGenerator()
        var refused = 0
        for _ in 0..<400 {
            var damaged = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                damaged[Int.random(in: 0..<700, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            try withTemporaryFile(damaged) { path in
                do {
                    let file = try GGUFFile(path: path)
                    for name in file.entries.keys { _ = try file.tensor(name) }
                } catch is TensorError {
                    refused += 1
                }
            }
        }
        #expect(refused > 50)
    }

    @Test func absurdCountsAndLengthsAreRefused() throws {
        func header(tensors: UInt64, pairs: UInt64) -> [UInt8] {
            var bytes = Array("GGUF".utf8)
            withUnsafeBytes(of: UInt32(3).littleEndian) { bytes += $0 }
            withUnsafeBytes(of: tensors.littleEndian) { bytes += $0 }
            withUnsafeBytes(of: pairs.littleEndian) { bytes += $0 }
            return bytes
        }
        let longKey = withUnsafeBytes(of: UInt64.max.littleEndian) { Array($0) }
        let cases = [
            header(tensors: .max, pairs: 0), header(tensors: 1 << 40, pairs: 0), header(tensors: 0, pairs: .max),
            header(tensors: 0, pairs: 1) + longKey + [UInt8](repeating: 0, count: 64),
        ]
        for bytes in cases {
            try withTemporaryFile(bytes) { path in
                #expect(throws: TensorError.self) { try GGUFFile(path: path) }
            }
        }
    }
}
