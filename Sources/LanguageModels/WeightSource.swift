import Tensors

/// The weights of a model: tensors by their Hugging Face names.
protocol WeightSource {
    /// The source's name for messages.
    var path: String { get }
    /// The tensor `name`; nil where the source has none of that name.
    func weight(_ name: String) throws -> Tensor?
    /// The tensor `name` from top to bottom in pieces of some rows, so that a large one need not be held whole; no piece
    /// where the source has none of that name.
    func forEachPiece(of name: String, _ body: (Tensor) throws -> Void) throws
}

extension WeightSource {
    func forEachPiece(of name: String, _ body: (Tensor) throws -> Void) throws {
        if let whole = try weight(name) { try body(whole) }
    }
}
