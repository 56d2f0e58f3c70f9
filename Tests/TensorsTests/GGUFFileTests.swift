import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct GGUFFileTests {
    @Test(arguments: GGUFFormat.allCases)
    func everyFormatEqualsTheReference(format: GGUFFormat) throws {
        let file = try GGUFFile(path: fixture("tensors/formats.gguf"))
        let reference = try SafetensorsFile(path: fixture("tensors/expected.safetensors"))
        let tensor = try #require(try file.tensor(format.description))
        let expected = try #require(try reference.tensor(format.description))
        #expect(file.entries[format.description]?.format == format)
        #expect(tensor.shape == expected.shape)
        // Bit by bit.
        #expect(try tensor.floats().map(\.bitPattern) == expected.floats().map(\.bitPattern))
    }

    @Test func aSplitModelIsOpenedByItsFirstFile() throws {
        let path = fixture("tensors/split-00001-of-00002.gguf")
        let file = try GGUFFile(path: path)
        #expect(file.entries.keys.sorted() == ["part0", "part1"])
        #expect(try file.tensor("part0")?.floats() == [0, 0, 0, 0, 0, 0])
        #expect(try file.tensor("part1")?.floats() == [1, 1, 1, 1, 1, 1])
        #expect { try GGUFFile(path: fixture("tensors/split-00002-of-00002.gguf")) } throws: {
            "\($0)".contains("name the first one")
        }
        let folder = FileManager.default.temporaryDirectory.appending(path: "coe-split-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let alone = folder.appending(path: "a-00001-of-00002.gguf")
        try FileManager.default.copyItem(at: URL(filePath: path), to: alone)
        #expect { try GGUFFile(path: alone.path(percentEncoded: false)) } throws: {
            "\($0)".contains("a-00002-of-00002.gguf cannot be opened")
        }
        // Twice the first part is no model.
        try FileManager.default.copyItem(
            at: URL(filePath: path), to: folder.appending(path: "a-00002-of-00002.gguf"))
        #expect { try GGUFFile(path: alone.path(percentEncoded: false)) } throws: { "\($0)".contains("is no part of") }
        let renamed = folder.appending(path: "renamed.gguf")
        try FileManager.default.copyItem(at: URL(filePath: path), to: renamed)
        #expect { try GGUFFile(path: renamed.path(percentEncoded: false)) } throws: {
            "\($0)".contains("one of 2 parts")
        }
    }

    /// Of a format that is not read, only the tensor is refused, by ggml's name of the format.
    @Test func aFormatThatIsNotReadIsNamedWhenItIsNeeded() throws {
        var bytes = [UInt8](try Data(contentsOf: URL(filePath: fixture("tensors/formats.gguf"))))
        // The entry of Q8_0: name, rank, shape, then the format's number.
        let place = try #require(Data(bytes).firstRange(of: Data("Q8_0".utf8))).upperBound + 4 + 16
        #expect(bytes[place] == 8)
        bytes[place] = 19
        try withTemporaryFile(bytes) { path in
            let file = try GGUFFile(path: path)
            #expect(try file.tensor("F32") != nil)
            #expect { try file.tensor("Q8_0") } throws: { "\($0)".contains("the tensor Q8_0 as IQ1_S") }
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

    @Test func aPointerAndABigEndianFileAreCalledThat() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "coe-\(UUID()).gguf")
        defer { try? FileManager.default.removeItem(at: file) }
        let pointer = Data("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n".utf8)
        let bigEndian = Data([0x47, 0x47, 0x55, 0x46, 0, 0, 0, 3] + [UInt8](repeating: 0, count: 16))
        for (data, sentence) in [(pointer, "git lfs pull"), (bigEndian, "is a big-endian GGUF file")] {
            try data.write(to: file)
            #expect { try GGUFFile(path: file.path(percentEncoded: false)) } throws: { "\($0)".contains(sentence) }
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
