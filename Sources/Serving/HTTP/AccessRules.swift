import NIOHTTP1

/// Who may ask: the guard before every request and every WebSocket.
///
/// - **Host**: a server on loopback answers to names of loopback only, so that a page whose name was made to point at
///   127.0.0.1 (DNS rebinding) gets nothing.
/// - **Origin**: a browser says from where a request comes; only pages of this very server may ask.
/// - **Token**: needed on every path but the open ones as soon as there is one, and there must be one when the server
///   is bound beyond loopback.
public struct AccessRules: Sendable {
    /// Compared with `Authorization: Bearer …`.
    public var token: String?
    /// The names in `Host` that are answered, without ports; nil for all.
    public var hosts: Set<String>?
    /// Paths that need no token.
    public var openPaths: Set<String>

    public init(token: String? = nil, hosts: Set<String>? = nil, openPaths: Set<String> = ["/health"]) {
        self.token = token
        self.hosts = hosts
        self.openPaths = openPaths
    }

    /// The rules of a server that is bound to `host`.
    ///
    /// - Throws: ``ServingError`` with `tokenNeeded` beyond loopback without a token.
    public init(host: String, token: String?, openPaths: Set<String> = ["/health"]) throws(ServingError) {
        if let token, token.utf8.count < 16 {
            throw ServingError(.tokenNeeded, "The token is too short to protect anything: take at least 16 characters.")
        }
        let isLoopback = Self.loopback.contains(host)
        if !isLoopback && token == nil {
            throw ServingError(
                .tokenNeeded,
                "\(host) can be reached from other machines, so clients must show a token: give one with --token or in "
                    + "COE_TOKEN, or bind to 127.0.0.1.")
        }
        self.init(token: token, hosts: isLoopback ? Self.loopback : nil, openPaths: openPaths)
    }

    static let loopback: Set<String> = ["127.0.0.1", "localhost", "::1"]

    /// Why a request is refused, or nil.
    func refusal(_ head: HTTPRequestHead) -> HTTPResponse? {
        let named = head.headers["host"]
        guard named.count == 1, let host = named.first else {
            return .fault(.badRequest, "A request names the host once.")
        }
        if let hosts, !hosts.contains(Self.name(ofAuthority: host)) {
            return .fault(.forbidden, "This server does not answer to the host in the request.")
        }
        let origins = head.headers["origin"]
        for origin in origins where Self.authority(ofOrigin: origin) != host.lowercased() {
            return .fault(.forbidden, "Pages of other origins may not use this server.")
        }
        let path = head.uri.prefix { $0 != "?" }
        guard let token, !openPaths.contains(String(path)) else { return nil }
        let given = head.headers.first(name: "authorization") ?? ""
        guard given.lowercased().hasPrefix("bearer "), Self.areEqual(String(given.dropFirst(7)), token) else {
            return .json(
                ["detail": "A token is needed: Authorization: Bearer TOKEN."], status: .unauthorized,
                headers: ["www-authenticate": "Bearer"])
        }
        return nil
    }

    /// `name`, `name:port`, `[v6]:port`
    static func name(ofAuthority authority: String) -> String {
        let lower = authority.lowercased()
        if lower.hasPrefix("["), let end = lower.firstIndex(of: "]") {
            return String(lower[lower.index(after: lower.startIndex)..<end])
        }
        return String(lower.prefix { $0 != ":" })
    }

    /// `scheme://authority`; nil for `null` and the like.
    private static func authority(ofOrigin origin: String) -> String? {
        let lower = origin.lowercased()
        guard let range = lower.firstRange(of: "://") else { return nil }
        return String(lower[range.upperBound...])
    }

    /// Takes equally long whatever the first difference.
    private static func areEqual(_ a: String, _ b: String) -> Bool {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        var difference = a.count ^ b.count
        for index in b.indices { difference |= Int(b[index] ^ (index < a.count ? a[index] : 0)) }
        return difference == 0
    }
}
