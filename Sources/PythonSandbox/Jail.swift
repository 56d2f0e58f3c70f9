#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The command that starts a worker's zygote, with or without bubblewrap around it.
struct Jail: Sendable {
    /// Who is root inside.
    enum Identity: Sendable {
        /// A user namespace maps the calling user: works without privileges.
        case userNamespace
        /// The caller is root: the zygote changes to a user number of its own, so that root's exemptions end.
        case ownUser(UInt32)
        /// No jail.
        case caller
    }

    var interpreter: PythonInterpreter
    var sitePackages: Bool
    var identity: Identity
    /// The folder in which programs run; inside the jail a small file system in memory.
    var folder: String

    /// bubblewrap's command, found on `PATH` here because workers start with an environment of their own.
    var bubblewrap = Jail.locateBubblewrap()

    private static func locateBubblewrap() -> String {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        for folder in path.split(separator: ":") {
            let candidate = "\(folder)/bwrap"
            if access(candidate, X_OK) == 0 { return candidate }
        }
        return "bwrap"
    }

    /// Whether to put each worker into a control group.
    var usesControlGroup = false

    static let temporaryBytes = 64 << 20
    /// Memory of a worker's processes together: a program, its files, the judge.
    static let groupBytes = 4 << 30

    /// `bwrap`'s arguments before the command.
    private var arguments: [String] {
        var out = [
            "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
            "--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL", "--hostname", "sandbox",
        ]
        switch identity {
        case .userNamespace: out += ["--unshare-user"]
        case .ownUser: out += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        case .caller: break
        }
        for folder in ancestors(of: interpreter.folders + interpreter.files + interpreter.sitePackages) {
            // bubblewrap gives a missing folder the mode of the one outside, which may be closed to others (/root).
            out += ["--perms", "0755", "--dir", folder]
        }
        for folder in interpreter.folders {
            out += ["--ro-bind", folder, folder]
            for name in ["site-packages", "dist-packages"] where !sitePackages && exists(folder + "/" + name) {
                out += ["--tmpfs", folder + "/" + name]
            }
        }
        for file in interpreter.files { out += ["--ro-bind", file, file] }
        if sitePackages {
            for folder in interpreter.sitePackages { out += ["--ro-bind", folder, folder] }
            for folder in ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache"] {
                out += ["--ro-bind-try", folder, folder]
            }
        }
        out += ["--perms", "0755", "--dir", "/dev"]
        for folder in ["/usr", "/usr/share"] { out += ["--perms", "0755", "--dir", folder] }
        out += ["--ro-bind-try", "/usr/share/zoneinfo", "/usr/share/zoneinfo"]
        for device in ["/dev/null", "/dev/zero", "/dev/urandom"] { out += ["--dev-bind", device, device] }
        out += ["--size", String(Jail.temporaryBytes), "--perms", "1777", "--tmpfs", folder, "--remount-ro", "/"]
        out += ["--chdir", folder]
        return out
    }

    private func ancestors(of paths: [String]) -> [String] {
        var found: Set<String> = []
        for path in paths {
            var parts = path.split(separator: "/").dropLast()
            while !parts.isEmpty {
                found.insert("/" + parts.joined(separator: "/"))
                parts = parts.dropLast()
            }
        }
        return found.sorted()
    }

    private func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static let bootstrap = #"""
        import os, json, types
        def read(n):
            parts = []
            while n:
                data = os.read(0, n)
                if not data: os._exit(1)
                parts.append(data)
                n -= len(data)
            return b"".join(parts)
        config, modules = json.loads(read(int.from_bytes(read(4), "big"))), {}
        for name, source in config.pop("sources"):
            module = modules[name] = types.ModuleType("coe_" + name)
            for other in modules.values():
                setattr(other, name.upper(), module)
                setattr(module, other.__name__[4:].upper(), other)
            exec(compile(source, "<coe " + name + ">", "exec"), module.__dict__)
        modules["zygote"].main(config, modules)
        """#

    /// The executable and its arguments; `script` replaces the zygote in a trial.
    func command(script: String = Jail.bootstrap) -> (executable: String, arguments: [String]) {
        let isolated = interpreter.version.lexicographicallyPrecedes([3, 11]) ? [] : ["-P"]
        let python = ["-S", "-s"] + isolated + ["-B", "-c", script]
        if case .caller = identity { return (interpreter.executable, python) }
        return (bubblewrap, arguments + [interpreter.executable] + python)
    }

    /// The environment with which Python starts; the zygote empties it before any program runs.
    static let environment = [
        "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "TZ": "UTC", "MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    ]
}
