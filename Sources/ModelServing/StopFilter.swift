/// Passes text on as it comes, up to the first stop string, and holds back what may be the beginning of one.
///
/// It searches bytes, as the generator does: `"\n"` is also found in `"\r\n"`, which Swift takes for one character.
struct StopFilter: Sendable {
    private let stops: [[UInt8]]
    private var held: [UInt8] = []
    /// Whether a stop string was found; nothing passes any more.
    private(set) var isStopped = false

    init(_ stops: [String]) { self.stops = stops.map { Array($0.utf8) } }

    mutating func append(_ text: String) -> String {
        if isStopped { return "" }
        held += text.utf8
        let found = held.indices.first { start in stops.contains { held[start...].starts(with: $0) } }
        isStopped = found != nil
        let end =
            found ?? held.indices.first { start in stops.contains { $0.starts(with: held[start...]) } } ?? held.count
        defer { held = isStopped ? [] : Array(held[end...]) }
        // Stop strings begin where characters do, so both parts are whole.
        return String(decoding: held[..<end], as: UTF8.self)
    }

    /// What is still held back: no stop string came of it.
    mutating func finish() -> String {
        defer { held = [] }
        return isStopped ? "" : String(decoding: held, as: UTF8.self)
    }
}
