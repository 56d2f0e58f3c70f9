public import FoundationEssentials

extension Vocabulary {
    /// A `tokenizer.json` that Hugging Face's tokenizers read, giving the same ids.
    public func tokenizerJSON() throws -> Data {
        // `tokenizers` gives an added token the id that the model's own vocabulary has for it, and a new one behind the
        // vocabulary without that. So all tokens are in both places; tokens that no text becomes are in the first alone.
        let added = tokens.indices.filter { ![.normal, .byte, .unused].contains(kinds[$0]) }.map {
            WrittenTokenizer.AddedToken(
                id: $0, content: tokens[$0], special: kinds[$0] == .control && !plainIDs.contains($0))
        }
        let hasCharacters = alphabet == .characters
        let ofModel = tokens.indices.filter { kinds[$0] != .unused || !tokens[$0].isEmpty }
        var postProcessor: WrittenTokenizer.PostProcessor?
        if addsBOS, let bosID { postProcessor = .init(beginning: tokens[bosID], id: bosID) }
        let file = WrittenTokenizer(
            addedTokens: added, normalizer: writtenNormalizer, preTokenizer: .init(pretokenizers: writtenSteps),
            postProcessor: postProcessor, decoder: writtenDecoder,
            model: .init(
                merges: merges, ignoreMerges: ignoresMerges, fuseUnk: hasCharacters, byteFallback: hasCharacters))
        return try VocabularyObject(ofModel.map { (tokens[$0], $0) }).inserted(into: Self.encoder.encode(file))
    }

    private typealias Step = WrittenTokenizer.Step

    private var writtenNormalizer: Step? {
        switch alphabet {
        case .bytes: normalizesToNFC ? Step(type: "NFC") : nil
        case .characters: Step(type: "Replace", pattern: ["String": " "], content: "\u{2581}")
        }
    }

    private var writtenDecoder: Step {
        switch alphabet {
        case .bytes: return Step(type: "ByteLevel", addPrefixSpace: true, trimOffsets: true, useRegex: true)
        case .characters:
            let spaces = Step(type: "Replace", pattern: ["String": "\u{2581}"], content: " ")
            return Step(type: "Sequence", decoders: [spaces, Step(type: "ByteFallback"), Step(type: "Fuse")])
        }
    }

    private var writtenSteps: [Step] {
        func bytes(useRegex: Bool) -> Step {
            Step(type: "ByteLevel", addPrefixSpace: false, trimOffsets: true, useRegex: useRegex)
        }
        if let pattern = preTokenizer.pattern {
            let cut = Step(type: "Split", pattern: ["Regex": pattern], behavior: "Isolated", invert: false)
            return [cut, bytes(useRegex: false)]
        }
        switch alphabet {
        case .bytes: return [Step(type: "Digits", individualDigits: true), bytes(useRegex: true)]
        // As Gemma's own file has it; after the normalizer there is nothing to split at.
        case .characters:
            return [Step(type: "Split", pattern: ["String": " "], behavior: "MergedWithPrevious", invert: false)]
        }
    }

    /// A `tokenizer_config.json` beside it: the chat template and the first and last token.
    ///
    /// - Parameter contextLength: The model's, in tokens.
    public func tokenizerConfiguration(contextLength: Int) throws -> Data {
        try Self.encoder.encode(
            WrittenConfiguration(
                bosToken: bosID.map { tokens[$0] }, eosToken: eosID.map { tokens[$0] }, addBosToken: addsBOS,
                chatTemplate: writtenTemplate, modelMaxLength: contextLength))
    }

    /// The chat template, which in a folder has to write the first token itself.
    private var writtenTemplate: String? {
        guard addsBOSToChats, let chatTemplate, let format = ChatFormat(self),
            let template = try? ChatTemplate(chatTemplate, format, self), template.format.beginning == .none
        else { return chatTemplate }
        return "{{ bos_token }}" + chatTemplate
    }

    private static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }
}

private struct WrittenConfiguration: Encodable {
    var bosToken, eosToken: String?
    var addBosToken: Bool
    var chatTemplate: String?
    var modelMaxLength: Int
    var tokenizerClass = "PreTrainedTokenizerFast"
}

/// `tokenizer.json`; property names are the file's, in camel case.
private struct WrittenTokenizer: Encodable {
    struct AddedToken: Encodable {
        var id: Int
        var content: String
        var special: Bool
        var singleWord = false
        var lstrip = false
        var rstrip = false
        var normalized = false
    }
    struct Step: Encodable {
        var type: String
        var individualDigits: Bool?
        var addPrefixSpace, trimOffsets, useRegex: Bool?
        var pattern: [String: String]?
        var content: String?
        var behavior: String?
        var invert: Bool?
        var decoders: [Step]?
    }
    struct Steps: Encodable {
        var type = "Sequence"
        var pretokenizers: [Step]
    }
    struct PostProcessor: Encodable {
        struct Name: Encodable {
            var id: String
            var typeId = 0
        }
        /// `SpecialToken` or `Sequence`: a dictionary, since the keys of one are written as they are.
        typealias Piece = [String: Name]
        struct Special: Encodable {
            var id: String
            var ids: [Int]
            var tokens: [String]
        }
        var type = "TemplateProcessing"
        var single, pair: [Piece]
        var specialTokens: [String: Special]

        init(beginning token: String, id: Int) {
            single = [["SpecialToken": Name(id: token)], ["Sequence": Name(id: "A")]]
            pair = single + [["Sequence": Name(id: "B", typeId: 1)]]
            specialTokens = [token: Special(id: token, ids: [id], tokens: [token])]
        }
    }
    struct Model: Encodable {
        var type = "BPE"
        /// See ``VocabularyObject``.
        var vocab: [String: Int] = [:]
        var merges: [String]
        var ignoreMerges, fuseUnk, byteFallback: Bool
    }
    var version = "1.0"
    var addedTokens: [AddedToken]
    var normalizer: Step?
    var preTokenizer: Steps
    var postProcessor: PostProcessor?
    var decoder: Step
    var model: Model
}
