extension Vocabulary {
    /// A SentencePiece BPE vocabulary as GGUF holds it, which has scores in place of merges.
    ///
    /// The merges are all pairs of tokens that make a third, the best score first and then the longest. Source:
    /// Transformers, `convert_slow_tokenizer.py`, `generate_merges` and `GemmaConverter`.
    /// - Parameters:
    ///   - tokens: The token of each id, user-defined ones with spaces or with `▁` for them.
    ///   - scores: The score of each normal token.
    public init(
        tokens: [String], scores: [Double], kinds: [TokenKind], bosID: Int?, eosID: Int?, addsBOS: Bool,
        chatTemplate: String?
    ) throws {
        guard tokens.count == scores.count, tokens.count == kinds.count else {
            throw TokenizationError(
                .inconsistentVocabulary,
                "The vocabulary has \(tokens.count) tokens, \(scores.count) scores and \(kinds.count) token kinds: "
                    + "it needs as many of each.")
        }
        let tokens = zip(tokens, kinds).map { token, kind in
            guard kind == .userDefined else { return token }
            return String(String.UnicodeScalarView(token.unicodeScalars.map { $0 == " " ? "\u{2581}" : $0 }))
        }
        self.init(
            tokens: tokens, kinds: kinds, merges: Self.merges(of: tokens, scores, kinds), preTokenizer: .gemma,
            bosID: bosID, eosID: eosID, addsBOS: addsBOS, chatTemplate: chatTemplate)
    }

    private static func merges(of tokens: [String], _ scores: [Double], _ kinds: [TokenKind]) -> [String] {
        struct Merge {
            var score: Double
            /// The sides' lengths in scalars.
            var left, right: Int
            var token: Int
            /// Where the right side begins in the token's UTF-8.
            var cut: Int
        }
        func isText(_ id: Int) -> Bool { kinds[id] == .normal || kinds[id] == .userDefined }
        var table = TokenTable(minimumCapacity: tokens.count)
        for (id, token) in tokens.enumerated() { table.append(Array(token.utf8), findable: isText(id)) }
        var merges: [Merge] = []
        for (id, token) in tokens.enumerated() where isText(id) {
            let length = token.unicodeScalars.count
            var token = token
            token.withUTF8 { utf8 in
                var left = 0
                for cut in utf8.indices.dropFirst() where utf8[cut] & 0xC0 != 0x80 {
                    left += 1
                    guard table.id(of: .init(rebasing: utf8[..<cut])) != nil,
                        table.id(of: .init(rebasing: utf8[cut...])) != nil
                    else { continue }
                    // User-defined tokens, whose scores in GGUF are placeholders, come before all others.
                    let score = kinds[id] == .normal ? scores[id] : 0
                    merges.append(Merge(score: score, left: left, right: length - left, token: id, cut: cut))
                }
            }
        }
        merges.sort { ($1.score, $1.left, $1.right, $0.token) < ($0.score, $0.left, $0.right, $1.token) }
        return merges.map { merge in
            let utf8 = tokens[merge.token].utf8
            let cut = utf8.index(utf8.startIndex, offsetBy: merge.cut)
            return "\(tokens[merge.token][..<cut]) \(tokens[merge.token][cut...])"
        }
    }
}
