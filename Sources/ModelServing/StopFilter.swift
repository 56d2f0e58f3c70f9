/// Passes text on as it comes, up to the first stop string, holding back what may be the beginning of one.
struct StopFilter: Sendable {
    private let stops: [String]
    private var held = ""
    /// Whether a stop string was found; nothing passes any more.
    private(set) var isStopped = false

    init(_ stops: [String]) { self.stops = stops }

    mutating func append(_ text: String) -> String {
        if isStopped { return "" }
        held += text
        if let end = stops.compactMap({ held.firstRange(of: $0)?.lowerBound }).min() {
            isStopped = true
            defer { held = "" }
            return String(held[..<end])
        }
        var kept = held.endIndex
        for start in held.indices.suffix(256) where stops.contains(where: { $0.hasPrefix(held[start...]) }) {
            kept = start
            break
        }
        defer { held = String(held[kept...]) }
        return String(held[..<kept])
    }

    /// What is still held back: no stop string came of it.
    mutating func finish() -> String {
        defer { held = "" }
        return isStopped ? "" : held
    }
}
