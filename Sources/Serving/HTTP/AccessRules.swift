import NIOHTTP1

/// Who may ask: the guard before every request and every WebSocket.
///
/// - **Host**: a server on loopback answers to names of loopback only. So a page gets nothing whose name points at
///   127.0.0.1 (DNS rebinding).
/// - **Origin**: a browser says which page sends a request; only this server's own pages may ask.
/// - **Token**: a server with a token asks for it on every path but the open ones. A server that other machines reach
///   must have one.
public struct AccessRules: Sendable {
    /// Compared with `Authorization: Bearer …`.
    public var token: String?
    /// The names in `Host` that the server answers, without ports; nil for all.
    public var hosts: Set<String>?
    /// Paths that need no token.
    public var openPaths: Set<String>

    /// Rules as they are given.
    public init(token: String? = nil, hosts: Set<String>? = nil, openPaths: Set<String> = ["/health"]) {
        self.token = token
        self.hosts = hosts
        self.openPaths = openPaths
    }

    /// The rules of a server that is bound to `host`.
    ///
    /// - Throws: ``ServingError`` with `tokenNeeded` beyond loopback without a token.
    public init(host: String, token: String?, openPaths: Set<String> = ["/health"]) throws(ServingError) {
        if let token, token.utf8.count < 16 || !token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
            throw ServingError(
                .tokenNeeded,
                "The token protects nothing: take at least 16 letters, digits or signs of ASCII, without blanks.")
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
        guard let name = Self.name(ofAuthority: host) else {
            return .fault(.badRequest, "The request's host is no name with a port.")
        }
        if let hosts, !hosts.contains(name) {
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

    /// The name in `name`, `name:port` or `[v6]:port`; nil for anything else, such as `name:80@evil.example`.
    static func name(ofAuthority authority: String) -> String? {
        let lower = authority.lowercased()
        guard let match = lower.wholeMatch(of: /(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?/) else { return nil }
        return String(match.1.hasPrefix("[") ? match.1.dropFirst().dropLast() : match.1)
    }

    /// `scheme://authority`; nil for `null` and the like.
    private static func authority(ofOrigin origin: String) -> String? {
        let lower = origin.lowercased()
        guard let range = lower.firstRange(of: "://") else { return nil }
        return String(lower[range.upperBound...])
    }

    /// Takes equally long wherever the first difference is.
    private static func areEqual(_ a: String, _ b: String) -> Bool {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        var difference = a.count ^ b.count
        for index in b.indices { difference |= Int(b[index] ^ (index < a.count ? a[index] : 0)) }
        return difference == 0
    }
}
