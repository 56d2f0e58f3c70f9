import FoundationEssentials
import Subprocess

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The user's interpreter and the folders that it needs, as it tells about itself.
struct RunnerInterpreter: Decodable, Sendable {
    /// As the user starts it: a virtual environment is known by this path.
    var executable: String
    var version: [Int]
    /// Folders and files to show inside the jail, where they exist: prefixes, `sys.path`, editable installs, links.
    var paths: [String]

    private static let question = #"""
        import json, os, sys
        paths = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix] + [p for p in sys.path if p]
        for name, module in list(sys.modules.items()):
            if name.startswith("__editable__"):
                for value in list(getattr(module, "MAPPING", {}).values()) + [
                        p for ps in getattr(module, "NAMESPACES", {}).values() for p in ps]:
                    paths.append(os.path.dirname(str(value)))
        executable = link = os.path.abspath(sys.executable)
        while True:
            paths.append(link)
            if not os.path.islink(link):
                break
            link = os.path.normpath(os.path.join(os.path.dirname(link), os.readlink(link)))
        paths += [os.path.realpath(p) for p in paths]
        print(json.dumps({"executable": executable, "version": list(sys.version_info[:3]),
                          "paths": sorted({p for p in paths if os.path.isabs(p) and os.path.exists(p)})}))
        """#

    /// The interpreter that the user means: the one named, of the active virtual environment, of the project's, `python3`.
    static func choice(named: String?, project: Project, file: String) -> String {
        // The runner does not stand where the user stands.
        if let named { return named.contains("/") ? URL(filePath: named).path(percentEncoded: false) : named }
        if let active = getenv("VIRTUAL_ENV").map({ String(cString: $0) }), !active.isEmpty {
            let path = active + "/bin/python"
            if access(path, X_OK) == 0 { return path }
        }
        for folder in [project.workingFolder, project.folder, Project.parent(file)] {
            for name in [".venv", "venv"] where access("\(folder)/\(name)/pyvenv.cfg", F_OK) == 0 {
                let path = "\(folder)/\(name)/bin/python"
                if access(path, X_OK) == 0 { return path }
            }
        }
        return "python3"
    }

    /// Asks the interpreter.
    static func find(_ name: String) async throws(RunnerError) -> RunnerInterpreter {
        let answer: (text: String, succeeded: Bool)
        do {
            let result = try await Subprocess.run(
                name.contains("/") ? .path(FilePath(name)) : .name(name), arguments: ["-c", question],
                environment: .inherit.updating(["PYTHONPATH": RunnerJail.pythonPath]),
                workingDirectory: "/", input: .none, output: .string(limit: 1 << 20), error: .discarded)
            answer = (result.standardOutput, result.terminationStatus.isSuccess)
        } catch {
            throw RunnerError(
                .interpreter,
                "The Python interpreter '\(name)' does not start. Install Python 3.9 or newer, or name another with "
                    + "--python.")
        }
        guard answer.succeeded, let found = try? JSONDecoder().decode(Self.self, from: Data(answer.text.utf8)) else {
            throw RunnerError(
                .interpreter, "The Python interpreter '\(name)' gives no answer. Name another with --python.")
        }
        guard !found.version.lexicographicallyPrecedes([3, 9]) else {
            throw RunnerError(
                .interpreter,
                "'\(name)' is Python \(found.version.map(String.init).joined(separator: ".")); 3.9 or newer is needed.")
        }
        return found
    }
}
