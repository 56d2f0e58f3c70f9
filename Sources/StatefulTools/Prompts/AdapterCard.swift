public import FoundationEssentials

/// What an adapter was trained with, beside its weights: the content of `coe.json` in its folder.
public struct AdapterCard: Hashable, Sendable {
    /// The prompt that it knows.
    public var prompt: PromptStyle
    /// The model that it was trained on, as it was named.
    public var model: String
    /// The tools whose commands it knows; empty for an older card.
    public var tools: [String]

    public init(prompt: PromptStyle, model: String, tools: [String] = []) {
        self.prompt = prompt
        self.model = model
        self.tools = tools
    }

    public static let fileName = "coe.json"

    /// The card in an adapter's folder; nil where it has none.
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

extension AdapterCard: Codable {
    private enum CodingKeys: String, CodingKey { case prompt, model, tools }

    /// The switches that cards held before styles had names.
    private struct Switches: Decodable, Hashable {
        var numbering: String
        var instructs: Bool?
        var workedExamples: Bool
        var changesOnly: Bool
        var isPlainText: Bool?

        var style: PromptStyle? {
            PromptStyle.allCases.first {
                $0.numbersAsPaper == (numbering == "paper") && $0.instructs == (instructs ?? true)
                    && $0.showsExamples == workedExamples && $0.showsChangesOnly == changesOnly
                    && $0.isPlainText == (isPlainText ?? false)
            }
        }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        model = try container.decode(String.self, forKey: .model)
        tools = try container.decodeIfPresent([String].self, forKey: .tools) ?? []
        if let style = try? container.decode(PromptStyle.self, forKey: .prompt) {
            prompt = style
        } else if let style = try container.decode(Switches.self, forKey: .prompt).style {
            prompt = style
        } else {
            throw DecodingError.dataCorruptedError(
                forKey: .prompt, in: container, debugDescription: "no prompt style has these switches")
        }
    }
}
