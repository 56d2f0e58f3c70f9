/// A failure of the tensor engine or of a file that it reads, as a full sentence.
public struct TensorError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of failure.
    public enum Code: Hashable, Sendable {
        /// libtorch refused an operation (shapes, types, memory).
        case operationFailed
        /// A file could not be opened or mapped.
        case fileNotReadable
        /// A file could not be written (rights, a full disk).
        case fileNotWritable
        /// A file's content breaks the rules of its format.
        case malformedFile
        /// A file is sound but uses something that is not supported here.
        case unsupported
    }

    /// The kind of failure.
    public let code: Code
    /// The failure as a full sentence: what is wrong, where, what to do.
    public let description: String

    /// - Parameter description: A full sentence.
    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
