/// The failure of a model, an adapter or a generation, as a full sentence.
public struct LanguageModelError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of failure.
    public enum Code: Hashable, Sendable {
        /// The folder or file holds no model that can be read.
        case modelNotReadable
        /// The model is of a family or with a feature that is not supported.
        case unsupported
        /// An adapter does not belong to the model, or cannot be read.
        case adapterMismatch
        /// A conversation is longer than the model's context.
        case contextFull
        /// A token has no embedding in the model.
        case tokenOutsideModel
        /// The model computed something that is no number.
        case notANumber
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
