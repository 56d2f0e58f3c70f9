import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The command that starts the user's runner in a jail of its own.
///
/// The jail shows the system's programs and libraries, the interpreter with its packages, and the project at its own
/// path, all read-only. The home folder and the temporary folders are empty. There is no network but loopback.
struct RunnerJail: Sendable {
    /// How a candidate's writes are kept from the project.
    enum Layer: String, Sendable {
        /// Each job mounts an overlay over the project.
        case overlay
        /// The project is a copy in memory.
        case restore
        /// A copy in the temporary folder; no jail.
        case copy
    }

    var interpreter: RunnerInterpreter
    var project: String
    /// Folders with tests outside of the project.
    var others: [String]
    var layer: Layer
    /// Whether a user namespace gives the right to mount; root has it without.
    var hasUserNamespace: Bool

    /// Where a job mounts its overlay, and where the project's original lies under the layer `restore`.
    static let stage = "/run/coe/stage"
    static let pristine = "/run/coe/pristine"
    /// What is emptied after each job.
    static var scratch: [String] { ["/tmp", "/var/tmp", "/dev/shm"] + (Project.home.map { [$0] } ?? []) }

    private static let etc = [
        "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "timezone", "ssl/certs",
        "ssl/openssl.cnf", "mime.types", "services", "protocols",
    ]
    /// What root may do on files. A job gives up the right to mount after its overlay.
    private static let rootCapabilities = [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "NET_BIND_SERVICE",
    ]

    /// The executable and its arguments.
    func command(running boot: String) -> (executable: String, arguments: [String]) {
        let python = [interpreter.executable, "-c", boot]
        if layer == .copy { return (python[0], Array(python.dropFirst())) }
        return ("bwrap", arguments + python)
    }

    private var arguments: [String] {
        var out = [
            "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
            "--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN",
        ]
        if hasUserNamespace {
            // The kernel makes an overlay's work folder with mode 0.
            out += ["--unshare-user", "--cap-add", "CAP_DAC_OVERRIDE"]
        } else {
            out += Self.rootCapabilities.flatMap { ["--cap-add", "CAP_" + $0] }
        }
        out += ["--ro-bind", "/usr", "/usr"]
        for name in ["/bin", "/sbin", "/lib", "/lib32", "/lib64"] {
            if let target = Self.link(name) {
                out += ["--symlink", target, name]
            } else {
                out += ["--ro-bind-try", name, name]
            }
        }
        out += ["--perms", "0755", "--dir", "/etc"]
        for name in Self.etc { out += ["--ro-bind-try", "/etc/" + name, "/etc/" + name] }
        out += ["--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/dev/shm"]
        for folder in ["/tmp", "/var/tmp"] { out += ["--perms", "1777", "--tmpfs", folder] }
        out += ["--perms", "0755", "--tmpfs", "/run", "--perms", "0755", "--dir", Self.stage]
        if let home = Project.home { out += ["--perms", "0700", "--tmpfs", home] }
        for path in shown {
            if path == project, layer == .restore {
                out += ["--perms", "0755", "--tmpfs", path, "--ro-bind", path, Self.pristine]
            } else {
                out += ["--ro-bind", path, path]
            }
        }
        return out + ["--chdir", "/"]
    }

    /// Folders and files to show, those above others first.
    private var shown: [String] {
        let home = Project.home
        let needed = interpreter.paths.filter { path in
            // All of the home folder would be too much, whatever PYTHONPATH says; the system is there already.
            path != "/" && !["/usr", "/lib", "/bin"].contains { Project.isWithin(path, $0) }
                && !(home.map { Project.isWithin($0, path) } ?? false)
        }
        var shown: [String] = []
        for path in Set(needed + others + [project]).sorted(by: { ($0.utf8.count, $0) < ($1.utf8.count, $1) }) {
            let isThere = shown.contains { Project.isWithin(path, $0) && !($0 == project && layer == .restore) }
            if !isThere || path == project && layer == .restore { shown.append(path) }
        }
        return shown
    }

    private static func link(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &buffer, buffer.count - 1)
        return count > 0 ? String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }

    // MARK: - Environment

    /// The user's environment. Values that look like credentials are hidden; the names stay, since programs ask for them.
    func environment() -> [String: String] {
        var found = ProcessInfo.processInfo.environment
        for name in found.keys where Self.isSecret(name) { found[name] = "hidden-by-coe" }
        found["PYTHONDONTWRITEBYTECODE"] = "1"
        found["PYTHONPATH"] = Self.pythonPath
        if layer == .copy {
            found["COE_RUNNER_NO_OVERLAY"] = "1"
        } else {
            for name in ["TMPDIR", "TEMP", "TMP"] where found[name] != nil { found[name] = "/tmp" }
            for name in ["SSH_AUTH_SOCK", "GPG_AGENT_INFO", "DBUS_SESSION_BUS_ADDRESS"] { found[name] = nil }
        }
        return found
    }

    /// `PYTHONPATH` with absolute entries; the interpreter reads others, and empty ones, from the folder where it starts.
    static var pythonPath: String? {
        guard let path = getenv("PYTHONPATH").map({ String(cString: $0) }), !path.isEmpty else { return nil }
        guard let resolved = realpath(".", nil) else { return path }
        defer { free(resolved) }
        let folder = String(cString: resolved)
        let entries = path.split(separator: ":", omittingEmptySubsequences: false).map { entry in
            entry.isEmpty ? folder : entry.hasPrefix("/") ? String(entry) : "\(folder)/\(entry)"
        }
        return entries.joined(separator: ":")
    }

    static func isSecret(_ name: String) -> Bool {
        let words = name.uppercased().split { !$0.isLetter }
        return words.contains {
            [
                "TOKEN", "SECRET", "SECRETS", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS", "APIKEY",
                "AUTH", "COOKIE", "KEY", "PAT",
            ].contains($0)
        }
    }

    /// Small files that the runner writes inside the jail, where they do not exist.
    var files: [String: String] {
        let user = getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? "user"
        let home = Project.home ?? "/tmp"
        return [
            "/etc/passwd": "\(user):x:\(geteuid()):\(getegid())::\(home):/bin/sh\n",
            "/etc/group": "\(user):x:\(getegid()):\n",
            "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
        ]
    }

    /// What a job must not see inside the project: the home folder's hidden files, where the project is the home folder.
    var hidden: [String] {
        guard let home = Project.home, Project.isWithin(home, project), let folder = opendir(home) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name.hasPrefix("."), name != ".", name != ".." else { continue }
            let path = home + "/" + name
            if !interpreter.paths.contains(where: { Project.isWithin($0, path) }) { names.append(path) }
        }
        return names.sorted()
    }
}
