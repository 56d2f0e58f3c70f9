public import ArgumentParser
import Foundation
public import Serving

/// Where a server listens and who may use it.
public struct ServeOptions: ParsableArguments {
    @Option(help: "The address to listen on. Other machines reach 0.0.0.0, and a token is needed then.")
    public var host = "127.0.0.1"
    @Option(help: "The port; 0 takes a free one, which is told.") public var port: Int?
    @Option(help: "Clients must send it as Authorization: Bearer TOKEN; also from COE_TOKEN.")
    public var token: String?
    @Option(help: "After SIGTERM or Ctrl-C: seconds in which what runs may come to its end.")
    public var drainSeconds = 30.0
    @Option(help: "The most bytes of a request.") public var bodyBytes = 1 << 20

    public init() {}

    public func validate() throws {
        if let port, !(0...65535).contains(port) { throw ValidationError("--port must be from 0 to 65535.") }
        if !(drainSeconds >= 0) { throw ValidationError("--drain-seconds must not be negative.") }
        if bodyBytes < 1024 { throw ValidationError("--body-bytes must be at least 1024.") }
    }

    /// Serves until SIGTERM or Ctrl-C, then drains.
    ///
    /// - Parameters:
    ///   - name: what is served, for people.
    ///   - ready: is told the port as soon as the server listens.
    /// - Throws: `ExitCode(130)` after Ctrl-C.
    public func serve(
        _ service: any HTTPService, name: String, port defaultPort: Int, openPaths: Set<String> = ["/health"],
        connections: Int = 4096, json: Bool
    ) async throws {
        let token = token ?? ProcessInfo.processInfo.environment["COE_TOKEN"]
        let server = try await HTTPServer(
            service, host: host, port: port ?? defaultPort,
            access: AccessRules(host: host, token: token, openPaths: openPaths),
            limits: ServerLimits(bodyBytes: bodyBytes, connections: connections))
        let url = "http://\(host.contains(":") ? "[\(host)]" : host):\(server.port)"
        say("\(name) on \(url)\(token == nil ? "" : ", with a token"). Ctrl-C ends it.")
        if json { print(#"{"url":"\#(url)","port":\#(server.port)}"#) }
        fflush(nil)
        let signal = await ServerSignal.first()
        say("Finishing what runs (at most \(Int(drainSeconds)) s); again stops at once.")
        await server.shutdown(drainSeconds: drainSeconds)
        if signal == .interrupt { throw ExitCode(130) }
    }

    private func say(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}
