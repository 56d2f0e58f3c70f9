public import FoundationEssentials

/// What an adapter was trained with, beside its weights: the content of `coe.json` in its folder.
public struct AdapterCard: Hashable, Sendable, Codable {
    /// The prompt that it knows; another one would surprise it.
    public var prompt: Prompt
    /// The model that it was trained on, as it was named.
    public var model: String

    public init(prompt: Prompt, model: String) {
        self.prompt = prompt
        self.model = model
    }

    public static let fileName = "coe.json"

    /// The card in an adapter's folder; nil where it has none, as adapters of others.
    ///
    /// - Throws: ``PolicyError`` with code `unavailable` when there is one that can't be read.
    public static func read(fromAdapter path: String) throws -> AdapterCard? {
        let file = URL(filePath: path).appending(path: fileName)
        guard let data = try? Data(contentsOf: file) else { return nil }
        guard let card = try? JSONDecoder().decode(AdapterCard.self, from: data) else {
            throw PolicyError(.unavailable, "\(file.path(percentEncoded: false)) is not the card of an adapter.")
        }
        return card
    }

    public func write(toAdapter folder: URL) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try (encoder.encode(self) + [0x0A]).write(to: folder.appending(path: Self.fileName), options: .atomic)
    }
}
