import Foundation
import StatefulTools
import Testing

/// JSON values of a schema.
@Suite struct JSONGrammarTests {
    private func grammar(_ schema: String) throws -> Grammar {
        .json(try JSONDecoder().decode(JSONValue.self, from: Data(schema.utf8)))
    }

    private func check(_ schema: String, takes: [String], refuses: [String]) throws {
        let grammar = try grammar(schema)
        for text in takes { #expect(grammar.accepts(text), "\(text)") }
        for text in refuses { #expect(!grammar.accepts(text), "\(text)") }
    }

    @Test func `an enum and a constant take their values alone`() throws {
        try check(
            #"{"enum": ["red", "blue", 3, null, {"a": [1]}]}"#, takes: [#""red""#, "3", "null", #"{"a":[1]}"#],
            refuses: [#""re""#, "red", "30", #""green""#])
        try check(#"{"const": true}"#, takes: ["true"], refuses: ["false", ""])
    }

    @Test func `numbers have JSON's form`() throws {
        try check(
            #"{"type": "integer"}"#, takes: ["0", "7", "-12", "123456789"],
            refuses: ["", "-", "01", "-0", "1.5", "1e3", "+1", "1234567890123456789"])
        try check(
            #"{"type": "number"}"#, takes: ["0", "-1.5", "3.14", "10", "0.0"], refuses: ["1.", ".5", "1.5.2", "01.5"])
        try check(#"{"type": "boolean"}"#, takes: ["true", "false"], refuses: ["True", "0"])
    }

    @Test func `strings have JSON's escapes`() throws {
        try check(
            #"{"type": "string"}"#, takes: [#""""#, #""a é""#, #""\n\"\\""#, #""\u00e9""#],
            refuses: [#"""#, #"a"#, #""\x""#, #""\u00e""#, "\"a\n\"", #""a"b"#])
    }

    @Test func `arrays may be nested and empty`() throws {
        try check(
            #"{"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}"#,
            takes: ["[]", "[[]]", "[[1],[2,3]]", "[[],[0]]"], refuses: ["[1]", "[[1,]]", "[,]", "[[1] ,[2]]", "[[1]"])
    }

    @Test func `members come by name, optional ones may be missing`() throws {
        let schema = """
            {"type": "object", "required": ["b"], "properties": {"c": {"type": "boolean"}, "a": {"type": "integer"}, \
            "b": {"enum": ["x", "y"]}}}
            """
        try check(
            schema,
            takes: [
                #"{"b":"x"}"#, #"{"a":1,"b":"y"}"#, #"{"b":"x","c":true}"#, #"{"a":-3,"b":"x","c":false}"#,
            ],
            refuses: [
                "{}", #"{"a":1}"#, #"{"b":"x","a":1}"#, #"{"b":"x",}"#, #"{,"b":"x"}"#, #"{"b":"z"}"#, #"{"b":"x"#,
                #"{"b":"x","d":1}"#, #"{"b":"x""c":true}"#,
            ])
        try check(
            #"{"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "null"}}}"#,
            takes: ["{}", #"{"a":null}"#, #"{"b":null}"#, #"{"a":null,"b":null}"#],
            refuses: [#"{"b":null,"a":null}"#, #"{"a":null,}"#])
    }

    @Test func `a choice of types or schemas takes each`() throws {
        try check(#"{"type": ["integer", "null"]}"#, takes: ["1", "null"], refuses: ["true", "\"1\""])
        try check(
            #"{"anyOf": [{"type": "boolean"}, {"const": "all"}]}"#, takes: ["true", #""all""#], refuses: [#""a""#])
    }

    @Test func `a value without a type is any value`() throws {
        try check(
            "{}", takes: ["1", #""a""#, "[]", "{}", #"{"a":[1,{"b":null}]}"#, "[true,[2.5]]"], refuses: ["", "x", "[1"])
        try check(
            #"{"type": "object", "additionalProperties": {"type": "integer"}}"#,
            takes: ["{}", #"{"a":1}"#, #"{"b":1,"a":2}"#], refuses: [#"{"a":true}"#, #"{"a":1,}"#])
    }

    @Test func `a random walk gives JSON that a parser reads`() throws {
        let schema = """
            {"type": "object", "required": ["list"], "properties": {"list": {"type": "array", "items": {"type": \
            ["string", "number"]}}, "any": {}, "kind": {"enum": ["a", "b"]}}}
            """
        let grammar = try grammar(schema)
        var random = SeededGenerator(seed: 4)
        for _ in 0..<60 {
            let text = try #require(grammar.walk(steps: random.below(60), using: &random))
            let value = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
            #expect(value["list"] != nil)
        }
    }
}
