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

    var bosToken: Token?
    var eosToken: Token?
    var chatTemplate: Template?
}
