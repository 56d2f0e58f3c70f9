import Tensors

/// The weights of a model: tensors by their Hugging Face names.
protocol WeightSource {
    /// The source's name for messages.
    var path: String { get }
    /// Whether a bias that the source lacks is zero.
    var lacksZeroBiases: Bool { get }
    /// The tensor `name`; nil where the source has none of that name.
    func weight(_ name: String) throws -> Tensor?
    /// The tensor `name` from top to bottom in pieces of some rows, so that a large one need not be held whole; no piece
    /// where the source has none of that name.
    func forEachPiece(of name: String, _ body: (Tensor) throws -> Void) throws
    /// The source's names of the tensors that belong to the model's own layers and were not read yet.
    var unread: [String] { get }
}

extension WeightSource {
    var lacksZeroBiases: Bool { false }

    var unread: [String] { [] }

    func forEachPiece(of name: String, _ body: (Tensor) throws -> Void) throws {
        if let whole = try weight(name) { try body(whole) }
    }
}

/// The names of the tensors that were read.
final class ReadNames {
    private var names: Set<String> = []

    func insert(_ name: String) { names.insert(name) }

    func callAsFunction(_ name: String) -> Bool { names.contains(name) }
}
