/// `tokenizer_config.json`; property names are the file's, in camel case.
struct TokenizerConfigurationFile: Decodable {
    /// A string, or an object with the string as `content`.
    struct Token: Decodable {
        private struct Object: Decodable { var content: String }
        var content: String

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            content = try (try? container.decode(String.self)) ?? container.decode(Object.self).content
        }
    }
    /// A string, or a list of named templates, whose `default` counts.
    struct Template: Decodable {
        private struct Named: Decodable { var name, template: String }
        var text: String?

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                self.text = text
            } else {
                text = try container.decode([Named].self).first { $0.name == "default" }?.template
            }
        }
    }

    /// A list of tokens, or an object with tokens as values.
    struct Tokens: Decodable {
        var contents: [String]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            let tokens =
                try (try? container.decode([Token].self)) ?? Array(container.decode([String: Token].self).values)
            contents = tokens.map(\.content)
        }
    }
    /// A token as `tokenizer.json` has it, without its id.
    struct AddedToken: Decodable {
        var content: String
        var special, lstrip, rstrip, singleWord, normalized: Bool?
    }

    var bosToken, eosToken, padToken, unkToken: Token?
    var additionalSpecialTokens, extraSpecialTokens: Tokens?
    /// By their ids.
    var addedTokensDecoder: [String: AddedToken]?
    var chatTemplate: Template?

    /// Refuses tokens that Transformers adds to those of `tokenizer.json`, and other properties that it gives them.
    func check(against added: [TokenizerFile.AddedToken]) throws(TokenizationError) {
        let known = Dictionary(added.map { ($0.content, $0) }) { first, _ in first }
        func failure(_ what: String) -> TokenizationError {
            TokenizationError(
                .unsupported, "tokenizer_config.json \(what); save the tokenizer anew by save_pretrained().")
        }
        let named = [bosToken, eosToken, padToken, unkToken].compactMap { $0?.content }
        let others = (additionalSpecialTokens?.contents ?? []) + (extraSpecialTokens?.contents ?? [])
        if let content = (named + others).first(where: { known[$0] == nil }) {
            throw failure("names \"\(content)\", which is no added token of tokenizer.json")
        }
        for (id, token) in (addedTokensDecoder ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard let other = known[token.content], Int(id) == other.id else {
                throw failure("adds \"\(token.content)\" as \(id), which tokenizer.json does not")
            }
            func differ(_ mine: Bool?, _ theirs: Bool?) -> Bool { mine.map { $0 != theirs ?? false } ?? false }
            guard !differ(token.special, other.special), !differ(token.lstrip, other.lstrip),
                !differ(token.rstrip, other.rstrip), !differ(token.singleWord, other.singleWord),
                !differ(token.normalized, other.normalized)
            else { throw failure("gives \"\(token.content)\" other properties than tokenizer.json") }
        }
    }
}
