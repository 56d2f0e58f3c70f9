import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The allow-lists of system calls, compiled by libseccomp to the programs that the zygote installs.
///
/// libseccomp is loaded when a sandbox starts, so that everything else works where it is missing.
struct SystemCallFilter: Sendable {
    /// For the zygote: it forks, waits and passes descriptors.
    var worker: [UInt8]
    /// For the process of a program: threads of its own, nothing that reaches another process.
    var program: [UInt8]
    /// For the process of the tests: as for a program; it is also given the ends of a program's process.
    var tests: [UInt8]

    init() throws(SandboxError) {
        #if os(Linux)
            guard let library = Library() else {
                throw SandboxError(
                    code: .unavailable,
                    description:
                        "libseccomp (libseccomp.so.2), which compiles the sandbox's system call filter, is missing. Install it (Debian: apt-get install libseccomp2), or run with --unsafe-no-sandbox if you trust the programs."
                )
            }
            worker = try library.compile(SystemCallFilter.common + SystemCallFilter.forWorker)
            program = try library.compile(SystemCallFilter.common + SystemCallFilter.forProgram)
            tests = try library.compile(
                SystemCallFilter.common + SystemCallFilter.forProgram + [Rule(names: "recvmsg")])
        #else
            throw SandboxError(
                code: .unavailable,
                description:
                    "The sandbox needs Linux (seccomp, namespaces). Run with --unsafe-no-sandbox if you trust the programs."
            )
        #endif
    }

    // MARK: - The lists

    /// A condition on one argument: `argument & mask == value`.
    private struct Condition {
        var argument: UInt32
        var mask = UInt64(UInt32.max)
        var value: UInt64
    }

    /// What may be called, and when.
    private struct Rule {
        var names: String
        var when: [Condition] = []
    }

    private static let common: [Rule] =
        [
            // Files: what the mount name space shows.
            Rule(
                names: """
                    read pread64 readv preadv write pwrite64 writev pwritev open openat creat close close_range lseek stat fstat
                    lstat newfstatat statx access faccessat faccessat2 readlink readlinkat getdents getdents64 getcwd chdir
                    fchdir mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat chmod
                    fchmod fchmodat utime utimes utimensat futimesat truncate ftruncate fallocate fsync fdatasync flock umask
                    statfs fstatfs dup dup2 dup3 copy_file_range sendfile fadvise64
                    """),
            // Memory.
            Rule(names: "mmap munmap mprotect mremap madvise brk mincore msync membarrier"),
            // Time, waiting, pipes.
            Rule(
                names: """
                    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time times getitimer setitimer alarm pause
                    select pselect6 poll ppoll epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait eventfd eventfd2 pipe
                    pipe2 timerfd_create timerfd_settime timerfd_gettime
                    """),
            // Signals to oneself, threads.
            Rule(
                names: """
                    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack
                    restart_syscall futex set_robust_list get_robust_list rseq set_tid_address sched_yield sched_getaffinity
                    sched_getparam sched_getscheduler getpriority getcpu exit exit_group wait4 waitid
                    """),
            // Facts.
            Rule(
                names: """
                    getpid gettid getppid getuid geteuid getgid getegid getresuid getresgid getgroups getpgrp getpgid getsid uname
                    sysinfo getrusage getrlimit setrlimit getrandom arch_prctl
                    """),
            Rule(names: "prlimit64", when: [Condition(argument: 0, value: 0)]),
            // An unnamed pair of sockets wakes asyncio's loop; no address may be given.
            Rule(names: "socketpair", when: [Condition(argument: 0, value: 1)]),
            Rule(names: "sendto", when: [Condition(argument: 4, mask: .max, value: 0)]),
            Rule(names: "recvfrom getsockopt setsockopt getsockname getpeername shutdown"),
        ]
        // TCGETS TIOCGWINSZ FIONREAD FIONBIO FIONCLEX FIOCLEX
        + [0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451].map {
            Rule(names: "ioctl", when: [Condition(argument: 1, value: $0)])
        }
        // Duplicates, flags, locks, pipe sizes; not F_SETOWN and F_SETSIG, which send signals to others.
        + [0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1031, 1032].map {
            Rule(names: "fcntl", when: [Condition(argument: 1, value: $0)])
        }

    private static let forProgram: [Rule] =
        [
            Rule(names: "clone", when: [Condition(argument: 0, mask: 0x10000, value: 0x10000)])  // CLONE_THREAD
        ]
        + [15, 16].map { Rule(names: "prctl", when: [Condition(argument: 0, value: $0)]) }  // PR_SET_NAME, PR_GET_NAME

    private static let forWorker: [Rule] =
        [
            // No flag that makes a name space (CLONE_NEW…).
            Rule(names: "clone", when: [Condition(argument: 0, mask: 0x7E02_0080, value: 0)]),
            Rule(names: "fork vfork kill tgkill tkill setsid setpgid memfd_create sendmsg recvmsg"),
        ]
        // Names, dumpable, no new privileges, seccomp, subreaper.
        + [4, 15, 16, 22, 36, 38].map { Rule(names: "prctl", when: [Condition(argument: 0, value: $0)]) }

    // MARK: - libseccomp

    #if os(Linux)
        private static let allow: UInt32 = 0x7FFF_0000
        private static func refuse(_ number: CInt) -> UInt32 { 0x0005_0000 | UInt32(number) }

        /// The six functions of libseccomp that are used.
        private struct Library {
            typealias Context = UnsafeMutableRawPointer?
            typealias Initialise = @convention(c) (UInt32) -> Context
            typealias Release = @convention(c) (Context) -> Void
            typealias Resolve = @convention(c) (UnsafePointer<CChar>) -> CInt
            typealias Add = @convention(c) (Context, UInt32, CInt, CUnsignedInt, UnsafeRawPointer?) -> CInt
            typealias Set = @convention(c) (Context, CInt, UInt32) -> CInt
            typealias Export = @convention(c) (Context, CInt) -> CInt

            let initialise: Initialise
            let release: Release
            let resolve: Resolve
            let add: Add
            let set: Set
            let export: Export

            init?() {
                guard let handle = dlopen("libseccomp.so.2", RTLD_NOW) else { return nil }
                func symbol<T>(_ name: String, _: T.Type) -> T? {
                    dlsym(handle, name).map { unsafeBitCast($0, to: T.self) }
                }
                guard let initialise = symbol("seccomp_init", Initialise.self),
                    let release = symbol("seccomp_release", Release.self),
                    let resolve = symbol("seccomp_syscall_resolve_name", Resolve.self),
                    let add = symbol("seccomp_rule_add_array", Add.self),
                    let set = symbol("seccomp_attr_set", Set.self),
                    let export = symbol("seccomp_export_bpf", Export.self)
                else { return nil }
                self.initialise = initialise
                self.release = release
                self.resolve = resolve
                self.add = add
                self.set = set
                self.export = export
            }

            /// `struct scmp_arg_cmp`.
            private struct Comparison {
                var argument: UInt32
                var operation: UInt32 = 7  // SCMP_CMP_MASKED_EQ
                var mask: UInt64
                var value: UInt64
            }

            func compile(_ rules: [Rule]) throws(SandboxError) -> [UInt8] {
                func failed(_ step: String, _ code: CInt) -> SandboxError {
                    SandboxError(
                        code: .unavailable,
                        description: "libseccomp could not compile the system call filter: \(step) gave error \(code).")
                }
                guard let context = initialise(refuse(EPERM)) else { throw failed("seccomp_init", 0) }
                defer { release(context) }
                _ = set(context, 8, 2)  // SCMP_FLTATR_CTL_OPTIMIZE: a binary tree; older libraries keep a list
                for rule in rules {
                    let comparisons = rule.when.map {
                        Comparison(argument: $0.argument, mask: $0.mask, value: $0.value)
                    }
                    for name in rule.names.split(whereSeparator: \.isWhitespace) {
                        let number = resolve(String(name))
                        guard number >= 0 else { continue }  // not on this architecture, or newer than the library
                        let code = comparisons.withUnsafeBytes {
                            add(
                                context, SystemCallFilter.allow, number, CUnsignedInt(comparisons.count), $0.baseAddress
                            )
                        }
                        guard code == 0 else { throw failed("the rule for \(name)", code) }
                    }
                }
                // The C library falls back to clone, whose flags a filter can see.
                let clone3 = resolve("clone3")
                if clone3 >= 0 { _ = add(context, refuse(ENOSYS), clone3, 0, nil) }
                // A filter of a few kilobytes fits into a pipe.
                var ends: [CInt] = [-1, -1]
                guard pipe(&ends) == 0 else { throw failed("pipe", errno) }
                defer { _ = close(ends[0]) }
                let code = export(context, ends[1])
                _ = close(ends[1])
                guard code == 0 else { throw failed("seccomp_export_bpf", code) }
                var bytes = [UInt8](repeating: 0, count: 1 << 16)
                let size = read(ends[0], &bytes, bytes.count)
                guard size > 0, size % 8 == 0 else { throw failed("reading the filter", errno) }
                bytes.removeSubrange(size...)
                return bytes
            }

            private func refuse(_ number: CInt) -> UInt32 { SystemCallFilter.refuse(number) }
        }
    #endif
}
