import Logging
import NIOHTTP1
import StatefulTools

/// Notes each request with its answer's status and how long it took.
struct RequestLog: Sendable {
    private let logger: Logger

    init(_ logger: Logger) { self.logger = logger }

    /// Without the query, which may hold what is nobody's business.
    func note(_ request: HTTPRequest, status: HTTPResponseStatus, since begin: ContinuousClock.Instant) {
        let milliseconds = Int((ContinuousClock.now - begin) / .milliseconds(1))
        let level: Logger.Level = status.code >= 500 ? .error : .info
        logger.log(
            level: level, "\(request.method.rawValue) \(TerminalText.visible(request.path)) \(status.code)",
            metadata: ["client": "\(request.client)", "ms": "\(milliseconds)"])
    }

    /// A request that was refused before its end.
    func note(refused status: HTTPResponseStatus, client: String) {
        logger.info("refused \(status.code)", metadata: ["client": "\(client)"])
    }
}
