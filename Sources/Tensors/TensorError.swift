/// What went wrong in the tensor engine or in one of the files it reads, as a full sentence.
public struct TensorError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: Hashable, Sendable {
        /// libtorch refused an operation (shapes, types, memory).
        case operationFailed
        /// A file could not be opened or mapped.
        case fileNotReadable
        /// A file could not be written (rights, a full disk).
        case fileNotWritable
        /// A file's content is not what its format promises.
        case malformedFile
        /// A file is sound but uses something that is not supported here.
        case unsupported
    }

    public let code: Code
    public let description: String

    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
