/// One part of a run that is spread over several machines: every n-th task.
public struct Shard: Hashable, Sendable {
    /// From 1 to `count`.
    public var index: Int
    /// The number of parts.
    public var count: Int

    /// Reads `2/8`, the second of eight; nil for any other text.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let index = Int(parts[0]), let count = Int(parts[1]), index >= 1, index <= count
        else { return nil }
        (self.index, self.count) = (index, count)
    }
}

extension Shard: Codable, CustomStringConvertible {
    public var description: String { "\(index)/\(count)" }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let shard = Shard(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "it is no shard such as 1/4")
        }
        self = shard
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
