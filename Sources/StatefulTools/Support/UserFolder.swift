public import Foundation

/// The user's folders.
public enum UserFolder {
    /// `$HOME`, as shells and Python take it; the account's own folder where it is empty. Foundation alone asks the account.
    public static var home: URL {
        let named = ProcessInfo.processInfo.environment["HOME", default: ""]
        return named.isEmpty
            ? FileManager.default.homeDirectoryForCurrentUser : URL(filePath: named, directoryHint: .isDirectory)
    }

    /// `${COE_HOME:-~/.cache/coe}`: models, data sets and adapters.
    public static var coe: URL {
        let named = ProcessInfo.processInfo.environment["COE_HOME", default: ""]
        return named.isEmpty ? home.appending(path: ".cache/coe") : URL(filePath: named)
    }
}
