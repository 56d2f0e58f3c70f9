public import ArgumentParser
import Foundation
import Logging
public import Serving

/// Where a server listens and who may use it.
public struct ServeOptions: ParsableArguments {
    @Option(help: "The address to listen on. Other machines reach 0.0.0.0, and a token is needed then.")
    public var host = "127.0.0.1"
    @Option(help: "The port; 0 takes a free one.") public var port: Int?
    @Option(help: "What clients must send as Authorization: Bearer TOKEN; else the value of COE_TOKEN.")
    public var token: String?
    @Option(help: "Seconds after SIGTERM or Ctrl-C in which episodes and answers may end.")
    public var drainSeconds = 30.0
    @Flag(help: "End when standard input ends, so a server that a program starts does not outlive the program.")
    public var endWithInput = false
    @Flag(help: "Log every request to standard error, not only those that failed.")
    public var verbose = false

    public init() {}

    public func validate() throws {
        if let port, !(0...65535).contains(port) { throw ValidationError("--port must be from 0 to 65535.") }
        if !(drainSeconds >= 0) { throw ValidationError("--drain-seconds must not be negative.") }
    }

    /// Serves until SIGTERM or Ctrl-C, then drains.
    ///
    /// - Parameters:
    ///   - name: what is served, for people.
    ///   - openPaths: paths that need no token.
    ///   - connections: the most connections at the same time.
    ///   - json: whether to print the address as JSON.
    /// - Throws: `ExitCode(130)` after Ctrl-C.
    public func serve(
        _ service: any HTTPService, name: String, port defaultPort: Int, openPaths: Set<String> = ["/health"],
        connections: Int = 4096, json: Bool
    ) async throws {
        let token = token ?? ProcessInfo.processInfo.environment["COE_TOKEN"]
        var logger = Logger(label: "serve") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = verbose ? .info : .error
        let server = try await HTTPServer(
            service, host: host, port: port ?? defaultPort,
            access: AccessRules(host: host, token: token, openPaths: openPaths),
            limits: ServerLimits(connections: connections), logger: logger)
        // Before anybody can read that the server is there.
        let requests = ServerSignal.requests(orEndOfInput: endWithInput)
        let url = "http://\(host.contains(":") ? "[\(host)]" : host):\(server.port)"
        Terminal.say("\(name) on \(url)\(token == nil ? "" : ", with a token"). Ctrl-C ends it.")
        if json { try Terminal.printJSON(Address(url: url, port: server.port)) }
        let signal = await requests.first { _ in true }
        Terminal.say("Finishing what runs (at most \(Int(drainSeconds)) s); again stops at once.")
        await server.shutdown(drainSeconds: drainSeconds)
        if signal == .interrupt { throw ExitCode(130) }
    }

    private struct Address: Codable {
        var url: String
        var port: Int
    }
}
