package import Foundation
import JSONKeys

/// Why a message was not carried out.
package struct WireError: Error, Encodable, Sendable {
    package enum Code: String, Encodable, Sendable {
        case invalidJSON = "INVALID_JSON"
        case unknownType = "UNKNOWN_TYPE"
        case validation = "VALIDATION_ERROR"
        case execution = "EXECUTION_ERROR"
        case capacity = "CAPACITY_REACHED"
        case factory = "FACTORY_ERROR"
        case session = "SESSION_ERROR"
    }

    var code: Code
    var message: String
    package var errors: [ValidationFailure.Item]?
    var activeSessions: Int?
    var maxSessions: Int?
    /// Whether another call of the same session is in its way.
    var isBusy = false

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// A field of the message that is missing or wrong.
    init(_ failure: ValidationFailure) {
        self.init(.validation, "Invalid message")
        errors = failure.errors
    }

    static let noSession = WireError(
        .session, "There is no such session: it was never made, was closed, or was idle for long.")

    private enum CodingKeys: String, CodingKey { case code, message, errors, activeSessions, maxSessions }
}

/// Decodes a request; every fault becomes an error with its code.
package func decodeRequest<Value: Decodable>(_ type: Value.Type, _ data: Data) throws(WireError) -> Value {
    if let key = repeatedKey(inJSON: data) {
        throw WireError(ValidationFailure("duplicate", at: [key], "The key stands twice in one object"))
    }
    do {
        return try JSONDecoder().decode(type, from: data)
    } catch let failure as ValidationFailure {
        throw WireError(failure)
    } catch {
        throw WireError(.invalidJSON, "Invalid JSON: the message is not a JSON value.")
    }
}
