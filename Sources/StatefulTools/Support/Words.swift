import Foundation

/// What an error says: Foundation's own errors describe themselves in code, others in words.
package func words(of error: any Error) -> String {
    guard isFoundations(error) else { return "\(error)" }
    let error = error as NSError
    if let cause = error.userInfo[NSUnderlyingErrorKey] as? NSError, cause.domain == NSPOSIXErrorDomain {
        return String(cString: strerror(Int32(cause.code))) + "."
    }
    if error.domain == NSPOSIXErrorDomain { return String(cString: strerror(Int32(error.code))) + "." }
    let known: [Int: Int32] = [
        CocoaError.fileWriteOutOfSpace.rawValue: ENOSPC, CocoaError.fileWriteNoPermission.rawValue: EACCES,
        CocoaError.fileWriteVolumeReadOnly.rawValue: EROFS, CocoaError.fileNoSuchFile.rawValue: ENOENT,
        CocoaError.fileWriteFileExists.rawValue: EEXIST, CocoaError.fileReadNoSuchFile.rawValue: ENOENT,
        CocoaError.fileReadNoPermission.rawValue: EACCES, CocoaError.fileReadTooLarge.rawValue: EFBIG,
        CocoaError.fileReadInvalidFileName.rawValue: EINVAL, CocoaError.fileWriteInvalidFileName.rawValue: EINVAL,
    ]
    if let number = known[error.code] { return String(cString: strerror(number)) + "." }
    return error.localizedDescription
}

/// Whether Foundation threw the error, which then does not describe itself in words.
package func isFoundations(_ error: any Error) -> Bool {
    error is CocoaError || error is POSIXError || type(of: error) is NSError.Type
}

/// What a command says of Foundation's errors: the file, where they name one, and what the system refused.
package func sentence(of error: any Error) -> String {
    let path = (error as NSError).userInfo[NSFilePathErrorKey] as? String
    return (path.map { "\($0): " } ?? "") + words(of: error)
}
