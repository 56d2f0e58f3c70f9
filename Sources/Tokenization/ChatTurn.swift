/// One message of a conversation.
public struct ChatTurn: Hashable, Sendable, Codable {
    /// Who says it.
    public var role: ChatRole
    /// The text, without markup.
    public var content: String

    /// - Parameter content: The text, without markup.
    public init(_ role: ChatRole, _ content: String) {
        self.role = role
        self.content = content
    }
}
