import Foundation
import Testing

@testable import Tokenization

/// Templates that are not the family's standard: followed, or refused. scripts/interop compares the same ones with
/// Transformers.
@Suite struct ChatTemplateTests {
    static let standard =
        "{% for m in messages %}{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"

    func chat(_ template: String?, bosID: Int? = nil) throws -> ChatEncoder {
        var vocabulary = try Fixtures.tokenizer("smollm").vocabulary
        vocabulary.chatTemplate = template
        vocabulary.bosID = bosID
        return try ChatEncoder(Tokenizer(vocabulary))
    }

    /// The text of a conversation with the opening of an answer.
    func text(_ chat: ChatEncoder, _ turns: [ChatTurn] = [ChatTurn(.user, " hi\n")]) -> String {
        chat.tokenizer.decode(chat.conversation(turns) + chat.generationPrompt)
    }

    let plain = "<|im_start|>user\n hi\n<|im_end|>\n<|im_start|>assistant\n"

    @Test func theStandardIsTheStandard() throws {
        #expect(try text(chat(Self.standard)) == plain)
        #expect(try text(chat(nil)) == plain)
        #expect(try chat(Self.standard).defaultSystemMessage == nil)
    }

    @Test func theFirstTokenIsWrittenWhereTheTemplateWritesIt() throws {
        let id = try #require(try Fixtures.tokenizer("smollm").id(of: "<|endoftext|>"))
        let first = try chat("{{bos_token}}" + Self.standard, bosID: id)
        #expect(first.beginning == [id] && text(first) == "<|endoftext|>" + plain)
        #expect(try chat(Self.standard, bosID: id).beginning.isEmpty)
        #expect(try chat("{{bos_token}}" + Self.standard).beginning.isEmpty)
    }

    /// As llama.cpp does; the merged folder's template writes the token itself.
    @Test func aGGUFFilesFirstTokenBeginsConversations() throws {
        var vocabulary = try Fixtures.tokenizer("smollm").vocabulary
        let id = try #require(vocabulary.tokens.firstIndex(of: "<|endoftext|>"))
        vocabulary.bosID = id
        vocabulary.addsBOS = true
        vocabulary.addsBOSToChats = true
        for (template, written) in [
            (Self.standard, "{{ bos_token }}" + Self.standard),
            ("{{bos_token}}" + Self.standard, "{{bos_token}}" + Self.standard),
        ] {
            vocabulary.chatTemplate = template
            let chat = try ChatEncoder(Tokenizer(vocabulary))
            #expect(chat.beginning == [id] && text(chat) == "<|endoftext|>" + plain)
            let folder = try Vocabulary(
                tokenizerJSON: vocabulary.tokenizerJSON(),
                configuration: vocabulary.tokenizerConfiguration(contextLength: 64))
            #expect(folder.chatTemplate == written && folder.addsBOS && !folder.addsBOSToChats)
            #expect(try ChatEncoder(Tokenizer(folder)).beginning == [id])
        }
    }

    @Test func otherMarkupIsFollowed() throws {
        let bare = Self.standard.replacing("+ '\n'}}{% endfor", with: "}}{% endfor")
        #expect(try text(chat(bare)) == "<|im_start|>user\n hi\n<|im_end|><|im_start|>assistant\n")
        let thinking = Self.standard.replacing("assistant\n' }}", with: "assistant\n<think>\n' }}")
        #expect(try text(chat(thinking)) == plain + "<think>\n")
        let trimmed = Self.standard.replacing("m['content']", with: "m['content'] | trim")
        #expect(try text(chat(trimmed)) == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n")
        let renamed = Self.standard
            .replacing("m['role'] + '\n'", with: "('bot' if m['role']=='assistant' else m['role']) + '\n'")
            .replacing("assistant\n' }}", with: "bot\n' }}")
        let turns = [ChatTurn(.user, "a"), ChatTurn(.assistant, "b"), ChatTurn(.user, "c")]
        #expect(
            try text(chat(renamed), turns)
                == "<|im_start|>user\na<|im_end|>\n<|im_start|>bot\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n"
                + "<|im_start|>bot\n")
    }

    @Test func lineBreaksAreJinjas() throws {
        let lines = Self.standard.replacing("%}", with: "%}\n")
        #expect(try text(chat(lines.replacing("\n", with: "\r\n"))) == plain)
        #expect(try text(chat(lines.replacing("\n", with: "\r"))) == plain)
    }

    @Test func defaultSystemMessagesAreFound() throws {
        func template(_ message: String) -> String {
            "{% if messages[0]['role'] != 'system' %}{{ \"<|im_start|>system\n\(message)<|im_end|>\n\" }}{% endif %}"
                + Self.standard
        }
        #expect(try chat(template("You're a bot.")).defaultSystemMessage == "You're a bot.")
        #expect(try chat(template("You are {a} bot.")).defaultSystemMessage == "You are {a} bot.")
    }

    @Test func whatCannotBeFollowedIsRefused() throws {
        func refuses(_ part: String, _ template: String) {
            #expect { try chat(template) } throws: {
                ($0 as? TokenizationError)?.code == .unknownChatFormat && "\($0)".contains(part)
            }
        }
        refuses("none of ChatML's", "{% for m in messages %}{{ '### ' + m['role'] + ': ' + m['content'] }}{% endfor %}")
        refuses(
            "where",
            Self.standard.replacing("m['content']", with: "(m['content']|trim if m['role']=='user' else m['content'])"))
        for change in ["m['content'] | upper", "m['content'][:1000]", "m['content'].replace('<tool>', '')"] {
            refuses("where", Self.standard.replacing("m['content']", with: change))
        }
        refuses("where", Self.standard + "{% if messages|length > 2 %}be brief{% endif %}")
        refuses(
            "refuses a conversation (no system!)",
            "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system!') }}{% endif %}{% endfor %}"
                + Self.standard)
        refuses("uses the filter tojson", Self.standard.replacing("m['content']", with: "m['content'] | tojson"))
        refuses(
            "does not come to an end",
            "{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}" + Self.standard)
        refuses(
            "makes a text without end",
            "{% set n = namespace(x='a') %}{% for a in range(40) %}{% set n.x = n.x ~ n.x %}{% endfor %}"
                + Self.standard
        )
        refuses("a statement without its end", "{% if true %}" + Self.standard)
    }

    /// What Jinja makes of the parts of the language that published templates use.
    @Test(arguments: [
        ("{{ messages[-1].content[1:] ~ loop }}", "i"), ("{{ (1 + 2) * 3 // 2 % 3 }}", "1"),
        ("{%- set ns = namespace(n=0) -%}{% for a in [1, 2, 3] %}{% set ns.n = ns.n + a %}{% endfor %}{{ ns.n }}", "6"),
        (
            "{% for a in 'abc' if a != 'b' %}{{ loop.index0 }}{{ a }}{% if not loop.last %},{% endif %}{% endfor %}",
            "0a,1c"
        ),
        ("{% set x %}a{% endset %}{{ x | upper }}", "A"),
        ("{{ 'a' if none is none and x is not defined else 'b' }}", "a"),
        ("a  \n  {%- if true -%}  b  {%- endif %}  \n c", "ab  \n c"), ("  {% if true %}\nx\n  {% endif %}\ny", "x\ny"),
        ("{# c #}{{ 'it\\'s' + \"\\n\" }}", "it's\n"), ("{{ {'a': [1, 2]}.a[::-1] | join('-') }}", "2-1"),
        ("{{ ' x '.strip() + 'a</t>b'.split('</t>')[-1].lstrip('b') }}|", "x|"),
        ("{{ messages | selectattr('role', 'equalto', 'user') | list | length }}", "1"),
        ("{% for a, b in {'k': 1}.items() %}{{ a }}={{ b }}{% endfor %}", "k=1"),
        ("{{ true }}{{ none }}{{ undefined_thing }}{{ not false }}", "TrueNoneTrue"),
        ("{% if 'b' not in 'abc' %}x{% elif 3 > 2 %}y{% else %}z{% endif %}", "y"),
        (
            "{% for i in range(5) %}{% if i == 1 %}{% continue %}{% elif i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}",
            "02"
        ),
    ])
    func theLanguageIsJinjas(template: String, expected: String) throws {
        var parser = try TemplateParser(template)
        var run = TemplateRun([
            "messages": .list([.dictionary(["role": .string("user"), "content": .string("hi")])]), "loop": .string(""),
        ])
        #expect(try run.text(parser.nodes()) == expected)
    }

    /// Templates of a folder with what Transformers writes: NAME.jinja and NAME.json, made by scripts/interop.
    @Test func publishedTemplatesAreFollowedOrRefused() throws {
        guard let folder = ProcessInfo.processInfo.environment["COE_TEMPLATES"] else { return }
        for file in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() where file.hasSuffix(".jinja")
        {
            let template = try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)
            for name in ["smollm", "llama3", "gemma"] {
                var vocabulary = try Fixtures.tokenizer(name).vocabulary
                vocabulary.chatTemplate = template
                do {
                    let chat = try ChatEncoder(Tokenizer(vocabulary))
                    print("\(file) on \(name): \(chat.format)")
                } catch {
                    print("\(file) on \(name): \(error)")
                }
            }
        }
    }
}
