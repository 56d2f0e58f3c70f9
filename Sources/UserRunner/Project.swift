import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The folder that the tests see, and the folder in which they run.
public struct Project: Hashable, Sendable {
    /// The project's folder, as an absolute path without links.
    public var folder: String
    /// The working folder of the tests: the user's own where it lies inside the project.
    public var workingFolder: String

    /// Files that mark a project's folder.
    static let markers = [
        "pyproject.toml", "pytest.ini", "setup.cfg", "tox.ini", "setup.py", ".git",
    ]

    /// The project of a file.
    ///
    /// It is the nearest folder above the file with one of the ``markers``, or one further up, to the repository's folder
    /// at most, where pytest's options or a conftest stand. Where there is none, it is the user's working folder when the
    /// file lies below it, with what it shares with the tests, else the folder that the file and the tests share. The home
    /// folder, the temporary folder and the root are no project, unless the file lies directly in them.
    ///
    /// - Parameters:
    ///   - file: an absolute path.
    ///   - tests: test files and folders, absolute.
    ///   - folder: the folder that the user names, if any.
    public init(of file: String, tests: [String] = [], workingFolder: String, named folder: String? = nil) {
        let file = Self.real(file)
        let working = Self.real(workingFolder)
        let own = Self.parent(file)
        let found = folder.map(Self.real) ?? Self.marked(above: own)
        if let found {
            self.folder = found
        } else if Self.isWithin(file, working), !Self.isShared(working) {
            self.folder = Self.common(working, tests.map { Self.parent(Self.real($0)) })
        } else {
            self.folder = Self.common(own, tests.map { Self.parent(Self.real($0)) })
        }
        self.workingFolder = Self.isWithin(working, self.folder) ? working : self.folder
    }

    private static func marked(above folder: String) -> String? {
        var folder = folder
        while !isShared(folder) {
            if holds(folder, markers) { return outermost(from: folder) }
            folder = parent(folder)
        }
        return nil
    }

    /// The outermost folder, to the repository's at most, that holds pytest's options or a conftest; pytest reads both.
    private static func outermost(from marked: String) -> String {
        var folder = marked
        var found = marked
        while !isShared(folder) {
            if folder != marked, isOfPytest(folder) { found = folder }
            if holds(folder, [".git"]) { return found }
            folder = parent(folder)
        }
        return found
    }

    private static func holds(_ folder: String, _ names: [String]) -> Bool {
        names.contains { access(folder + "/" + $0, F_OK) == 0 }
    }

    private static func isOfPytest(_ folder: String) -> Bool {
        if holds(folder, ["pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "conftest.py"]) { return true }
        let sections = [("pyproject.toml", "[tool.pytest"), ("tox.ini", "[pytest]"), ("setup.cfg", "[tool:pytest]")]
        return sections.contains { name, section in
            let text = try? String(contentsOf: URL(filePath: folder + "/" + name), encoding: .utf8)
            return text?.split(whereSeparator: \.isNewline).contains { $0.hasPrefix(section) } ?? false
        }
    }

    private static func common(_ own: String, _ others: [String]) -> String {
        var shared = own
        for other in others {
            while !isWithin(other, shared) { shared = parent(shared) }
        }
        return isShared(shared) ? own : shared
    }

    /// Folders that hold many projects.
    static func isShared(_ folder: String) -> Bool {
        if ["/", "/tmp", "/var/tmp", "/home", "/root", "/usr", "/opt", "/Users"].contains(folder) { return true }
        return home.map { isWithin($0, folder) } ?? false
    }

    static var home: String? {
        guard let path = getenv("HOME").map({ String(cString: $0) }), path.hasPrefix("/"), path != "/" else {
            return nil
        }
        return real(path)
    }

    static func isWithin(_ path: String, _ folder: String) -> Bool {
        path == folder || path.hasPrefix(folder == "/" ? "/" : folder + "/")
    }

    static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    /// The path without links, as far as it exists; it must be absolute.
    public static func real(_ path: String) -> String {
        if let resolved = realpath(path, nil) {
            defer { free(resolved) }
            return String(cString: resolved)
        }
        let folder = parent(path)
        guard path.hasPrefix("/"), folder != path, folder != "/" else { return path }
        return real(folder) + path.dropFirst(folder.count)
    }
}
