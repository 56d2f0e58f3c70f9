import StatefulTools
import Testing

/// The parts of a grammar, byte by byte.
@Suite struct GrammarTests {
    /// The bytes that may come after `text`; nil where `text` may not.
    private func next(_ text: String, in grammar: Grammar) -> String? {
        guard let state = grammar.state(after: text) else { return nil }
        return String(decoding: state.open, as: UTF8.self)
    }

    @Test func `a literal takes itself`() {
        let grammar = Grammar.literal("go")
        #expect(grammar.accepts("go"))
        for text in ["", "g", "goo", "og"] { #expect(!grammar.accepts(text)) }
        #expect(next("g", in: grammar) == "o")
        #expect(Grammar.literal("").accepts("") && !Grammar.literal("").accepts("a"))
    }

    @Test func `a choice takes each alternative, common beginnings included`() {
        let grammar = Grammar.oneOf(["go", "gone", "stay"])
        for text in ["go", "gone", "stay"] { #expect(grammar.accepts(text)) }
        for text in ["g", "gon", "gostay", ""] { #expect(!grammar.accepts(text)) }
        #expect(next("g", in: grammar) == "oo" || next("g", in: grammar) == "o")
        #expect(next("", in: grammar) == "gs")
        #expect(Grammar.choice([.literal(""), .literal("a")]).accepts(""))
    }

    @Test func `a sequence takes its parts in order, also where parts may be empty`() {
        let grammar = Grammar.sequence([
            .literal("a"), .choice([.literal(""), .literal("b")]), .oneOf(["c", "d"]),
        ])
        for text in ["ac", "ad", "abc", "abd"] { #expect(grammar.accepts(text)) }
        for text in ["a", "ab", "c", "abb", "acd"] { #expect(!grammar.accepts(text)) }
        #expect(Grammar.sequence([]).accepts(""))
    }

    @Test func `a number is in its range and has no leading zeros`() {
        let grammar = Grammar.number(in: 3...120)
        for number in 0...1_300 { #expect(grammar.accepts("\(number)") == (3...120).contains(number)) }
        for text in ["", "03", "003", "0", "3 ", "-3", "1e1", "121", "1200"] { #expect(!grammar.accepts(text)) }
        #expect(next("", in: grammar) == "123456789")
        #expect(next("12", in: grammar) == "0")
        #expect(next("13", in: grammar) == "")
        let zero = Grammar.number(in: 0...20)
        #expect(zero.accepts("0") && zero.accepts("20") && !zero.accepts("00") && !zero.accepts("07"))
        #expect(next("0", in: zero) == "")
    }

    @Test func `a number's digits lead to allowed numbers alone, and decide what follows`() {
        let even = Grammar.number(in: 1...40, where: { $0 % 20 == 0 }, then: { .literal("x\($0)") })
        #expect(even.accepts("20x20") && even.accepts("40x40"))
        for text in ["20", "20x40", "30x30", "2x2"] { #expect(!even.accepts(text)) }
        #expect(next("", in: even) == "24")
        #expect(next("20", in: even) == "x")
    }

    @Test func `bytes of a class come as often as they may`() {
        let grammar = Grammar.sequence([.bytes(.digits, count: 2...3), .literal(";")])
        for text in ["12;", "123;"] { #expect(grammar.accepts(text)) }
        for text in ["1;", "1234;", "1a;", ";"] { #expect(!grammar.accepts(text)) }
        let open = Grammar.sequence([.bytes(.digits, count: 1...Int.max), .literal("7")])
        #expect(open.accepts("17") && open.accepts("777") && !open.accepts("7") && !open.accepts("78"))
        #expect(Grammar.bytes(.digits, count: 0...2).accepts(""))
    }

    @Test func `the rest of a line takes all but line ends`() {
        let grammar = Grammar.sequence([.literal(">"), .line])
        for text in [">", "> a é", ">\t\u{0}"] { #expect(grammar.accepts(text)) }
        for text in ["", ">a\n", ">\r"] { #expect(!grammar.accepts(text)) }
        #expect(!Grammar.line.except("same").accepts("same"))
        for text in ["", "sam", "samey", "other"] { #expect(Grammar.line.except("same").accepts(text)) }
    }

    @Test func `a substring stands in the text, holds no terminator and whole characters alone`() {
        let grammar = Grammar.substring(of: "ab >> bü", terminator: " >>") { .literal("=\($0)") }
        for text in ["ab >>=ab", "a >>=a", "b >>=b", "bü >>=bü", "> b >>=> b"] { #expect(grammar.accepts(text)) }
        for text in [" >>=", "ba >>=ba", "ab >> >>=ab >>", "ab", "ab=ab", "a >>=b"] {
            #expect(!grammar.accepts(text))
        }
        // Inside a character the string can't end.
        var state = grammar.state(after: "b")
        for byte in Array("ü".utf8).prefix(1) { state = state?.advanced(by: byte) }
        #expect(state != nil && state?.advanced(by: 0x20) == nil)
        #expect(grammar.start.advanced(by: Array("ü".utf8)[1]) == nil)
    }

    @Test func `a repeated part comes any number of times`() {
        let grammar = Grammar.sequence([.literal("["), .repeated(.oneOf(["a", "bc"])), .literal("]")])
        for text in ["[]", "[a]", "[abca]", "[bcbcbc]"] { #expect(grammar.accepts(text)) }
        for text in ["[", "[b]", "[c]", "]"] { #expect(!grammar.accepts(text)) }
    }

    // MARK: - Exclusion

    @Test func `an excluded command of finite form is masked from the first byte that leads to it alone`() {
        let grammar = Grammar.oneOf(["### GO 1", "### GO 2", "### STAY"])
        let excluded = grammar.excluding(["### STAY"])
        #expect(next("### ", in: excluded) == "G")
        #expect(excluded.accepts("### GO 1") && !excluded.accepts("### STAY"))
        #expect(next("### GO ", in: grammar.excluding(["### GO 2"])) == "1")
        #expect(next("### ", in: grammar.excluding(["### GO 1", "### GO 2"])) == "S")
    }

    @Test func `an excluded number is masked, and its longer ones are not`() {
        let grammar = Grammar.sequence([.literal("n"), .number(in: 1...12)])
        let excluded = grammar.excluding(["n1", "n3", "n11"])
        for number in 1...12 { #expect(excluded.accepts("n\(number)") == ![1, 3, 11].contains(number)) }
        #expect(next("n", in: excluded) == "12456789")
        #expect(next("n1", in: excluded) == "02")
        #expect(excluded.state(after: "n1")?.canEnd == false)
        // With 1 and all that begin with it gone, the digit itself is.
        let none = grammar.excluding(["n1", "n10", "n11", "n12"])
        #expect(next("n", in: none) == "23456789")
    }

    @Test func `an excluded command with a free end may go on, but not end there`() {
        let grammar = Grammar.sequence([.literal("say "), .line]).excluding(["say no"])
        let state = grammar.state(after: "say no")
        #expect(state?.canEnd == false && state?.isExcluded == true)
        #expect(grammar.accepts("say nope") && grammar.accepts("say n") && grammar.accepts("say "))
        #expect(grammar.state(after: "say n")?.isExcluded == false)
        let same = Grammar.sequence([.literal("say "), .line.except("no")]).state(after: "say no")
        #expect(same?.canEnd == false && same?.isExcluded == true)
    }

    @Test func `what the grammar doesn't know is excluded without effect`() {
        let grammar = Grammar.oneOf(["a", "b"]).excluding(["c", "aa", "", "a b"])
        #expect(grammar.accepts("a") && grammar.accepts("b"))
        #expect(next("", in: grammar) == "ab")
    }

    @Test func `states behind which anything may follow share their continuation`() {
        let grammar = Grammar.choice([
            .sequence([.literal("a"), .line]), .sequence([.literal("b"), .line.except("x")]),
        ])
        let first = grammar.excluding(["ayes"]).state(after: "aye")
        let second = grammar.state(after: "bxy")
        #expect(first != second && first?.continuation == second?.continuation)
        #expect(grammar.state(after: "b")?.continuation == first?.continuation)
    }

    @Test func `where all it has is excluded, a grammar takes it again`() {
        let all = Grammar.oneOf(["### GO 1", "### GO 2"]).excluding(["### GO 1", "### GO 2"])
        #expect(all.accepts("### GO 1") && all.accepts("### GO 2"))
        #expect(!Grammar.oneOf(["a", "b"]).excluding(["a"]).accepts("a"))
        #expect(!Grammar.line.excluding(["a"]).accepts("a"))
    }
}

extension Grammar {
    /// The state after a text; nil where the text may not be written.
    func state(after text: String) -> State? {
        var state: State? = start
        for byte in text.utf8 { state = state?.advanced(by: byte) }
        return state
    }
}

extension Grammar.State {
    /// The bytes that may come next, in ascending order.
    var open: [UInt8] { (UInt8.min...UInt8.max).filter { advanced(by: $0) != nil } }
}
