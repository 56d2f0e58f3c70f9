import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Kernel limits on all processes of a worker together, where this process may make control groups.
///
/// They bound what resource limits do not see: files in memory, kernel memory, the sum over processes.
struct ControlGroup: Sendable {
    enum Version: String, Sendable {
        case v2 = "cgroup v2"
        case v1 = "cgroup v1"
    }

    let version: Version
    /// The group's folder, one for each controller with version 1.
    let folders: [String]

    static let processes = 128

    /// The files to which the worker's first process writes its number.
    var entrances: [String] { folders.map { $0 + "/cgroup.procs" } }

    /// Makes a group, with version 2 before version 1; nil where neither is usable.
    init?(name: String, memoryBytes: Int) {
        let lines = ControlGroup.read("/proc/self/cgroup").split(separator: "\n").map {
            $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        }
        // Version 2 at /sys/fs/cgroup.
        if let own = lines.first(where: { $0.count == 3 && $0[1].isEmpty })?[2],
            access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0
        {
            let parent = "/sys/fs/cgroup" + (own == "/" ? "" : own)
            ControlGroup.write("+memory +pids", to: parent + "/cgroup.subtree_control")
            ControlGroup.sweep(parent)
            let folder = parent + "/" + name
            if mkdir(folder, 0o755) == 0 {
                if ControlGroup.write(String(memoryBytes), to: folder + "/memory.max"),
                    ControlGroup.write(String(ControlGroup.processes), to: folder + "/pids.max")
                {
                    ControlGroup.write("0", to: folder + "/memory.swap.max")
                    (version, folders) = (.v2, [folder])
                    return
                }
                rmdir(folder)
            }
        }
        // Version 1: a hierarchy for each controller.
        var made: [String] = []
        for (controller, file, limit) in [
            ("memory", "memory.limit_in_bytes", memoryBytes), ("pids", "pids.max", ControlGroup.processes),
        ] {
            guard
                let own = lines.first(where: {
                    $0.count == 3 && $0[1].split(separator: ",").contains(Substring(controller))
                })?[2]
            else { continue }
            // Inside a container the group's own path may not be visible; its root is the container's then.
            let parents = ["/sys/fs/cgroup/\(controller)\(own)", "/sys/fs/cgroup/\(controller)"]
            for parent in parents { ControlGroup.sweep(parent) }
            guard let folder = parents.map({ $0 + "/" + name }).first(where: { mkdir($0, 0o755) == 0 }) else {
                continue
            }
            made.append(folder)
            guard ControlGroup.write(String(limit), to: folder + "/" + file) else { break }
        }
        guard made.count == 2 else {
            for folder in made { rmdir(folder) }
            return nil
        }
        (version, folders) = (.v1, made)
    }

    /// Removes the groups of processes that ended without doing so.
    private static func sweep(_ parent: String) {
        for entry in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? [] {
            let parts = entry.split(separator: "-")
            guard parts.count == 5, entry.hasPrefix("coe-sandbox-"), let owner = pid_t(parts[2]) else { continue }
            if kill(owner, 0) != 0, errno == ESRCH { rmdir(parent + "/" + entry) }
        }
    }

    /// Removes the group once its processes have ended.
    func remove() {
        for folder in folders {
            for _ in 0..<50 where rmdir(folder) != 0 && errno == EBUSY { usleep(2000) }
        }
    }

    @discardableResult
    private static func write(_ text: String, to path: String) -> Bool {
        guard let file = fopen(path, "w") else { return false }
        let wrote = fputs(text, file) >= 0
        return fclose(file) == 0 && wrote
    }

    private static func read(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 14)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
