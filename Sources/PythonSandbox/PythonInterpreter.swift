import FoundationEssentials
import Subprocess

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// An interpreter and the files that it needs inside the jail, as it tells about itself.
struct PythonInterpreter: Decodable, Sendable {
    var executable: String
    var version: [Int]
    /// Folders and zip archives of the standard library, in the order of `sys.path`.
    var path: [String]
    /// Folders to show inside the jail.
    var folders: [String]
    /// Single files to show: the executable and the shared libraries of it and of the standard library.
    var files: [String]
    var sitePackages: [String]

    private static let question = #"""
        import glob, json, os, shutil, subprocess, sys, sysconfig
        ldd = shutil.which("ldd", path=os.environ.get("PATH", "") + ":/usr/bin:/bin") or "ldd"
        executable = os.path.realpath(sys.executable)
        paths = sysconfig.get_paths()
        stdlib = [os.path.realpath(p) for p in {paths["stdlib"], paths["platstdlib"]}]
        base = getattr(sys, "base_prefix", sys.prefix)
        sites = [p for p in sys.path if os.path.basename(p) in ("site-packages", "dist-packages") and os.path.isdir(p)]
        path = [p for p in sys.path if p and p not in sites and os.path.realpath(p).startswith(os.path.realpath(base))]
        skip = ("_tkinter", "readline", "nis", "_curses", "_dbm", "_gdbm", "_crypt", "_test", "_xx", "xx")
        modules = [m for d in stdlib for m in glob.glob(os.path.join(d, "lib-dynload", "*.so"))
                   if not os.path.basename(m).startswith(skip)]
        listing = subprocess.run([ldd, executable, *modules], capture_output=True, text=True).stdout
        files = {executable}
        for line in listing.splitlines():
            for word in line.split():
                if word.startswith("/") and not word.endswith(":") and os.path.exists(word):
                    files.add(word)
        files = [f for f in files if not any(os.path.realpath(f).startswith(d + os.sep) for d in stdlib)]
        print(json.dumps({"executable": executable, "version": list(sys.version_info[:3]), "path": path,
                          "folders": stdlib, "files": sorted(files), "sitePackages": sites}))
        """#

    /// Asks the interpreter; resolves names on `PATH`, links, virtual environments and pyenv's shims.
    static func find(_ name: String) async throws(SandboxError) -> PythonInterpreter {
        let asked: (String, Bool)
        do {
            let result = try await Subprocess.run(
                Executable(named: name), arguments: ["-c", question], input: .none, output: .string(limit: 1 << 20),
                error: .discarded)
            asked = (result.standardOutput, result.terminationStatus.isSuccess)
        } catch {
            throw SandboxError(
                code: .interpreter,
                description:
                    "The Python interpreter '\(name)' could not be started: \(error). Install Python 3.9 or newer, or name another interpreter."
            )
        }
        guard asked.1, let found = try? JSONDecoder().decode(PythonInterpreter.self, from: Data(asked.0.utf8)) else {
            throw SandboxError(
                code: .interpreter,
                description:
                    "The Python interpreter '\(name)' did not answer when asked for its standard library. Name another interpreter."
            )
        }
        guard found.version.lexicographicallyPrecedes([3, 9]) == false else {
            throw SandboxError(
                code: .interpreter,
                description:
                    "'\(name)' is Python \(found.version.map(String.init).joined(separator: ".")); the sandbox needs 3.9 or newer."
            )
        }
        return found
    }
}

extension Executable {
    /// A path, or a name to look up on `PATH`.
    init(named name: String) { self = name.contains("/") ? .path(FilePath(name)) : .name(name) }
}
