import Testing

/// A program that tries to leave its jail: `attack()` returns "escaped" when it gets through.
struct Attack: Sendable, CustomTestStringConvertible {
    var name: String
    var program: String
    /// Whether the attack also succeeds on a bare machine; false for those that need something this machine may lack.
    var realOutside = true

    var testDescription: String { name }

    init(_ name: String, _ program: String, realOutside: Bool = true) {
        self.name = name
        self.program = program
        self.realOutside = realOutside
    }

    /// A system call by number (x86-64): through when the kernel looked at its arguments at all.
    static func call(
        _ name: String, _ number: Int, _ arguments: String = "-1, -1, -1, -1, -1, -1", realOutside: Bool = true
    )
        -> Attack
    {
        Attack(
            "system call \(name)",
            """
            import ctypes, errno
            def attack():
                libc = ctypes.CDLL(None, use_errno=True)
                result = libc.syscall(ctypes.c_long(\(number)), *[ctypes.c_long(a) for a in (\(arguments),)])
                return "escaped" if result >= 0 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS) else "held"
            """, realOutside: realOutside)
    }
}

extension Attack {
    static let resources: [Attack] = [
        Attack(
            "fork bomb",
            """
            import os
            def attack():
                for _ in range(3):
                    if os.fork() == 0:
                        os._exit(0)
                return "escaped"
            """),
        Attack(
            "thread bomb",
            """
            import threading, time
            def attack():
                threading.stack_size(64 << 10)
                stop = threading.Event()
                threads = [threading.Thread(target=stop.wait, daemon=True) for _ in range(300)]
                try:
                    for t in threads: t.start()
                finally:
                    stop.set()
                return "escaped"
            """),
        Attack("memory bomb: list", "def attack():\n    x = [0] * (100 << 20)\n    return 'escaped'"),
        Attack("memory bomb: string", "def attack():\n    x = 'a' * (700 << 20)\n    return 'escaped'"),
        Attack(
            "memory bomb: map", "import mmap\ndef attack():\n    m = mmap.mmap(-1, 700 << 20)\n    return 'escaped'"),
        Attack(
            "memory bomb: many small objects",
            """
            def attack():
                x = []
                for i in range(60):
                    x.append([str(j) for j in range(i << 20, (i << 20) + 150_000)])
                return "escaped" if len(x) == 60 else "held"
            """),
        Attack(
            "one big file",
            """
            import os
            def attack():
                with open("big", "wb") as f:
                    for _ in range(40):
                        f.write(bytes(1 << 20))
                os.unlink("big")
                return "escaped"
            """),
        Attack(
            "many files of moderate size",
            """
            import os
            def attack():
                try:
                    for i in range(10):
                        with open("moderate%d" % i, "wb") as f:
                            f.write(bytes(10 << 20))
                finally:
                    for i in range(10):
                        if os.path.exists("moderate%d" % i): os.unlink("moderate%d" % i)
                return "escaped"
            """),
        Attack(
            "very many files",
            """
            import os, time
            def attack():
                os.mkdir("many"); os.chdir("many")
                try:
                    for i in range(15_000): os.close(os.open(str(i), os.O_CREAT | os.O_WRONLY))
                    time.sleep(0.3)
                finally:
                    for e in os.listdir("."): os.unlink(e)
                    os.chdir(".."); os.rmdir("many")
                return "escaped"
            """),
        Attack(
            "endless output",
            "def attack():\n    for _ in range(3000):\n        print('x' * 1000)\n    return 'escaped'"),
        Attack(
            "endless output past Python",
            "import os\ndef attack():\n    for _ in range(3000):\n        os.write(1, b'x' * 1000)\n    return 'escaped'"
        ),
        Attack(
            "busy loop",
            "import time\ndef attack():\n    end = time.time() + 2.5\n    while time.time() < end: pass\n    return 'escaped'"
        ),
        Attack("sleep", "import time\ndef attack():\n    time.sleep(2.5)\n    return 'escaped'"),
        Attack(
            "ignored signals",
            """
            import signal, time
            def attack():
                for s in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
                    try: signal.signal(s, signal.SIG_IGN)
                    except (OSError, ValueError): pass
                signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
                end = time.time() + 2.5
                while time.time() < end: pass
                return "escaped"
            """),
        Attack(
            "double fork and a new session",
            """
            import os, time
            def attack():
                if os.fork() == 0:
                    os.setsid()
                    if os.fork() == 0:
                        time.sleep(0.2)
                    os._exit(0)
                return "escaped"
            """),
        Attack(
            "raising its own limits",
            """
            import resource
            def attack():
                resource.setrlimit(resource.RLIMIT_NPROC, (4096, 4096))
                resource.setrlimit(resource.RLIMIT_AS, (1 << 34, 1 << 34))
                return "escaped"
            """, realOutside: false),
    ]

    static let files: [Attack] = [
        Attack("read /etc/passwd", "def attack():\n    return 'escaped' if open('/etc/passwd').read() else 'held'"),
        Attack(
            "read by a symbolic link",
            """
            import os
            def attack():
                os.symlink("/etc/passwd", "link")
                try: return "escaped" if open("link").read() else "held"
                finally: os.unlink("link")
            """),
        Attack(
            "read by ..",
            "def attack():\n    return 'escaped' if open('../../../../../../../../etc/passwd').read() else 'held'"),
        Attack(
            "read the home folder",
            "import os\ndef attack():\n    return 'escaped' if [n for n in os.listdir(HOME) if n != '.pyenv'] else 'held'"
        ),
        Attack(
            "environment variables",
            "import os\ndef attack():\n    return 'escaped' if os.environ.get('COE_CANARY') else 'held'"),
        Attack(
            "environment past Python",
            """
            import ctypes
            def attack():
                getenv = ctypes.CDLL(None).getenv
                getenv.restype = ctypes.c_char_p
                return "escaped" if getenv(b"COE_CANARY") or getenv(b"PATH") else "held"
            """),
        Attack(
            "/proc/1/environ", "def attack():\n    open('/proc/1/environ', 'rb').close()\n    return 'escaped'",
            realOutside: false),
        Attack("/proc/self", "def attack():\n    return 'escaped' if open('/proc/self/status').read() else 'held'"),
        Attack(
            "inherited descriptors",
            """
            import os
            def attack():
                for fd in range(4, 2048):
                    try: os.fstat(fd)
                    except OSError: continue
                    return "escaped"
                return "held"
            """),
        Attack(
            "write into the standard library",
            """
            import os, json
            def attack():
                path = os.path.join(os.path.dirname(json.__file__), "coe_attack_marker")
                open(path, "w").close(); os.unlink(path)
                return "escaped"
            """),
        Attack(
            "write outside of its folder",
            "import os\ndef attack():\n    os.mkdir('/coe_attack'); os.rmdir('/coe_attack')\n    return 'escaped'"),
        Attack("devices", "import os\ndef attack():\n    return 'escaped' if len(os.listdir('/dev')) > 5 else 'held'"),
        Attack(
            "shared memory",
            "import os\ndef attack():\n    open('/dev/shm/coe_attack', 'w').close(); os.unlink('/dev/shm/coe_attack')\n    return 'escaped'"
        ),
        Attack(
            "a set-user-id program",
            "import os\ndef attack():\n    return 'escaped' if os.path.exists('/usr/bin/su') or os.path.exists('/bin/sh') else 'held'"
        ),
    ]

    static let network: [Attack] =
        [
            ("TCP", "AF_INET, socket.SOCK_STREAM"), ("UDP", "AF_INET, socket.SOCK_DGRAM"),
            ("TCP over IPv6", "AF_INET6, socket.SOCK_STREAM"),
            ("unix", "AF_UNIX, socket.SOCK_STREAM"), ("netlink", "AF_NETLINK, socket.SOCK_RAW"),
            ("raw", "AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP"), ("packet", "AF_PACKET, socket.SOCK_RAW"),
        ].map { name, kind in
            Attack(
                "socket \(name)",
                "import socket\ndef attack():\n    socket.socket(socket.\(kind)).close()\n    return 'escaped'",
                realOutside: name != "TCP over IPv6" && name != "raw" && name != "packet")
        } + [
            Attack(
                "DNS",
                "import socket\ndef attack():\n    return 'escaped' if socket.getaddrinfo('localhost', 80) else 'held'"),
            Attack(
                "abstract socket",
                "import socket\ndef attack():\n    s = socket.socket(socket.AF_UNIX); s.bind('\\0coe_attack')\n    return 'escaped'"
            ),
            Attack(
                "abstract address through an unnamed pair",
                """
                import socket
                def attack():
                    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
                    try: a.sendto(b"x", "\\0coe_attack_nobody")
                    except ConnectionRefusedError: return "escaped"
                    except OSError as e: return "escaped" if e.errno in (106, 111) else "held"
                """, realOutside: false),
        ]

    static let calls: [Attack] = [
        .call("ptrace", 101, "0, 0, 0, 0, 0, 0"), .call("process_vm_readv", 310), .call("process_vm_writev", 311),
        .call("mount", 165), .call("umount2", 166), .call("pivot_root", 155), .call("chroot", 161),
        .call("unshare", 272, "0x10000000, 0, 0, 0, 0, 0"), .call("setns", 308),
        .call("clone3", 435, "0, 0, 0, 0, 0, 0"),
        .call("io_uring_setup", 425), .call("bpf", 321, realOutside: false),
        .call("keyctl", 250, "0, -3, 0, 0, 0, 0", realOutside: false),
        .call("add_key", 248, realOutside: false), .call("userfaultfd", 323, realOutside: false),
        .call("memfd_create", 319),
        .call("execve", 59), .call("execveat", 322), .call("perf_event_open", 298, realOutside: false),
        .call("open_by_handle_at", 304), .call("init_module", 175, realOutside: false),
        .call("kexec_load", 246, realOutside: false),
        .call("reboot", 169), .call("sethostname", 170), .call("setuid", 105, realOutside: false),
        .call("setresuid", 117, "0, 0, 0, 0, 0, 0", realOutside: false), .call("capset", 126),
        .call("personality", 135, "-1, 0, 0, 0, 0, 0"),
        .call("pidfd_open", 434, "1, 0, 0, 0, 0, 0"), .call("pidfd_getfd", 438), .call("pidfd_send_signal", 424),
        .call("kcmp", 312, "1, 1, 0, 0, 0, 0", realOutside: false), .call("fsopen", 430), .call("move_mount", 429),
        .call("mount_setattr", 442),
        .call("seccomp", 317, "2, 0, 0, 0, 0, 0"), .call("shmget", 29, "0, 4096, 512, 0, 0, 0"),
        .call("msgget", 68, "0, 512, 0, 0, 0, 0"),
        .call("semget", 64, "0, 1, 512, 0, 0, 0"), .call("syslog", 103, "10, 0, 0, 0, 0, 0"),
        .call("settimeofday", 164),
        .call("vmsplice", 278), .call("mknod", 133), .call("chown", 92), .call("setxattr", 188),
        .call("fanotify_init", 300, realOutside: false),
        .call("inotify_init1", 294, "0, 0, 0, 0, 0, 0"), .call("sched_setaffinity", 203),
        .call("setpriority", 141, "0, 0, 5, 0, 0, 0"),
        .call("prctl: dumpable", 157, "4, 1, 0, 0, 0, 0"), .call("landlock_create_ruleset", 444, realOutside: false),
        .call("prlimit64 of another", 302, "1, 7, 0, 0, 0, 0"),
        .call("fork", 57, "0, 0, 0, 0, 0, 0", realOutside: false),
        .call("ioctl: push into a terminal", 16, "0, 0x5412, 0, 0, 0, 0"),
    ]

    static let signals: [Attack] =
        ["1", "2", "os.getppid()", "-1"].map { target in
            Attack(
                "signal to \(target)", "import os\ndef attack():\n    os.kill(\(target), 0)\n    return 'escaped'",
                realOutside: target != "2")
        } + [
            Attack(
                "signal to a thread of PID 1",
                "import ctypes\ndef attack():\n    return 'escaped' if ctypes.CDLL(None).syscall(200, 1, 0) == 0 else 'held'"
            ),
            Attack(
                "signal by a file's owner",
                "import fcntl, os\ndef attack():\n    r, w = os.pipe()\n    fcntl.fcntl(r, fcntl.F_SETOWN, 1)\n    return 'escaped'"
            ),
        ]

    static let all = resources + files + network + calls + signals
}
