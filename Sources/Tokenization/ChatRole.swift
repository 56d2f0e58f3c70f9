/// Who speaks in a conversation.
public enum ChatRole: String, Hashable, Sendable, Codable {
    case system, user, assistant
}
