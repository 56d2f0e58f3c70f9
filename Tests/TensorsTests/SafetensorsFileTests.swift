import Tensors
import TestSupport
import Testing

@Suite struct SafetensorsFileTests {
    func file(header: String, data: [UInt8] = []) -> [UInt8] {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) } + Array(header.utf8) + data
    }

    @Test func tensorsAndMetadataAreRead() throws {
        let header =
            #"{"__metadata__":{"format":"pt"},"x":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"#
            + #""h":{"dtype":"BF16","shape":[1],"data_offsets":[8,10]}}"#
        // 1.0 and -2.0 as F32, 1.5 as BF16 (0x3FC0)
        let data: [UInt8] = [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 0xC0, 0x3F]
        try withTemporaryFile(file(header: header, data: data)) { path in
            let file = try SafetensorsFile(path: path)
            #expect(file.metadata == ["format": "pt"])
            #expect(try file.tensor("x")?.floats() == [1, -2])
            #expect(try file.tensor("x")?.shape == [1, 2])
            #expect(try file.tensor("h")?.floats() == [1.5])
            #expect(try file.tensor("y") == nil)
        }
    }

    @Test(arguments: [
        #"{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
        #"{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
        #"{"x":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#,
        #"{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
        #"{"x":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}"#,
        #"{"x":{"dtype":"F8","shape":[4],"data_offsets":[0,4]}}"#,
        #"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#,
        #"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        #"{"x":"#, "[]", "",
    ])
    func aDishonestHeaderIsRefused(header: String) throws {
        try withTemporaryFile(file(header: header, data: [0, 0, 0, 0])) { path in
            #expect(throws: TensorError.self) { try SafetensorsFile(path: path) }
        }
    }

    @Test func whatNobodyNeedsIsSkipped() throws {
        let header =
            #"{"__metadata__":null,"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#
            + #""a":{"dtype":"F8_E5M2","shape":[2],"data_offsets":[4,6]},"#
            + #""b":{"dtype":"C64","shape":[1],"data_offsets":[6,14]},"c":{"dtype":"U16","shape":[],"data_offsets":[14,16]},"#
            + #""e":{"dtype":"F32","shape":[0],"data_offsets":[16,16]}}"#
        try withTemporaryFile(file(header: header, data: [0, 0, 0x80, 0x3F] + [UInt8](repeating: 0, count: 12))) {
            path in
            let file = try SafetensorsFile(path: path)
            #expect(file.metadata.isEmpty && file.entries.count == 5)
            #expect(try file.tensor("x")?.floats() == [1])
            #expect { try file.tensor("a") } throws: { "\($0)".contains("the tensor a as F8_E5M2") }
        }
    }

    /// What the reference library refuses too.
    @Test(arguments: [
        #"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"y":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        #"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"y":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}}"#,
        #"{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
        #"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        #"{"x":null}"#, #"{"x":{"format":"pt"}}"#,
    ])
    func overlapsGapsAndLeftoversAreRefused(header: String) throws {
        try withTemporaryFile(file(header: header, data: [UInt8](repeating: 0, count: 8))) { path in
            #expect(throws: TensorError.self) { try SafetensorsFile(path: path) }
        }
    }

    @Test func aHeaderLongerThanTheFileIsRefused() throws {
        try withTemporaryFile([UInt8](repeating: 0xFF, count: 16)) { path in
            #expect(throws: TensorError.self) { try SafetensorsFile(path: path) }
        }
    }
}
