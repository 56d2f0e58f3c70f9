"""PID 1 of the jail: keeps a warm interpreter and forks one fresh process for each program.

It never sees a program or a test, so that a fresh process holds nothing of earlier jobs. The judge, its first child,
asks for a fresh process with one byte: N (next), D (next; the last one has died by itself) or E (the job is over: next,
and clear the temporary folder). The answer carries how the last process ended and the new one's socket and output files.
"""
import abc, argparse, array, base64, bisect, builtins, calendar, cmath, collections, collections.abc, contextlib, copy
import ctypes, dataclasses, datetime, decimal, enum, fcntl, fractions, functools, gc, heapq, io, itertools, json, math
import numbers, operator, os, random, re, resource, select, signal, socket, statistics, string, struct, sys, textwrap
import threading, time, traceback, types, typing, weakref
import _sitebuiltins

_libc = ctypes.CDLL(None, use_errno=True)
PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_SET_CHILD_SUBREAPER, SECCOMP_MODE_FILTER = 4, 22, 38, 36, 2


class _Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


def prctl(option, argument, pointer=None):
    if _libc.prctl(ctypes.c_int(option), ctypes.c_ulong(argument), pointer, ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
        raise OSError(ctypes.get_errno(), "prctl(%d)" % option)


class SystemCallFilter:
    """A compiled seccomp program, ready to be installed in the calling process."""

    def __init__(self, code):
        self.code = ctypes.create_string_buffer(code, len(code))
        self.program = _Filter(len(code) // 8, ctypes.cast(self.code, ctypes.c_void_p))

    def install(self):
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(self.program))


def limit(kind, value):
    soft, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


def clear(folder):
    """Empties the folder, whatever modes a program gave its files."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        os.chmod(folder, 0o700)
        entries = list(os.scandir(folder))
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            os.chmod(entry.path, 0o700)
            clear(entry.path)
            os.rmdir(entry.path)
        else:
            os.unlink(entry.path)


class Zygote:
    def __init__(self, config, modules):
        self.config, self.modules = config, modules
        self.child, self.filter = None, None

    def run(self):
        config = self.config
        channel = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 20)
        null = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.close(null)
        if config.get("uid") is not None:
            os.setgroups([])
            os.setresgid(config.get("uid"), config.get("uid"), config.get("uid"))
            os.setresuid(config.get("uid"), config.get("uid"), config.get("uid"))
        os.chdir(config["folder"])
        os.umask(0o077)
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        prctl(PR_SET_DUMPABLE, 0)
        if os.getpid() != 1:
            prctl(PR_SET_CHILD_SUBREAPER, 1)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if config.get("workerFilter"):
            SystemCallFilter(base64.b64decode(config.get("workerFilter"))).install()
        if config.get("programFilter"):
            self.filter = SystemCallFilter(base64.b64decode(config.get("programFilter")))
        os.environ.clear()
        sys.path[:] = config["path"] + config["sitePackages"]
        sys.argv[:] = ["program"]
        for name in ("exit", "quit"):
            setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D (i.e. EOF)"))
        builtins.help = _sitebuiltins._Helper()
        sys.setrecursionlimit(1000)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        judge = os.fork()
        if judge == 0:
            self.control.close()
            gc.freeze()
            self.modules["judge"].main(channel, theirs, config)
            os._exit(0)
        self.judge = judge
        theirs.close()
        os.dup2(channel, 19, inheritable=False)
        os.close(channel)
        channel = 19
        self.config = None
        del config
        gc.collect()
        gc.freeze()
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        poll.register(channel, 0)
        while True:
            for fd, event in poll.poll():
                if fd == channel:
                    return
                message = self.control.recv(16)
                if not message:
                    return
                self.answer(message)

    def answer(self, message):
        kind, number = message[:1], struct.unpack(">I", message[1:5])[0]
        status = self.end(died=kind == b"D")
        if kind == b"E" and os.path.isabs(self.folder()):
            clear(self.folder())
        ours, theirs = socket.socketpair()
        out, err = os.memfd_create("output", os.MFD_CLOEXEC), os.memfd_create("errors", os.MFD_CLOEXEC)
        self.child = os.fork()
        if self.child == 0:
            self.become_program(theirs, out, err)
        socket.send_fds(self.control, [struct.pack(">Ii", number, status)], [ours.fileno(), out, err])
        ours.close()
        theirs.close()
        os.close(out)
        os.close(err)

    def folder(self):
        return os.getcwd()

    def end(self, died):
        """Kills and reaps everything but the judge; -1 when the process was still running, else its wait status."""
        if self.child is None:
            return -1
        status = -1
        until = time.monotonic() + (0.5 if died else 0)
        while True:
            pid, ended = os.waitpid(self.child, os.WNOHANG)
            if pid:
                status = ended
                break
            if time.monotonic() >= until:
                os.kill(self.child, signal.SIGKILL)
                os.waitpid(self.child, 0)
                break
            time.sleep(0.0005)
        self.child = None
        return status

    def become_program(self, sock, out, err):
        try:
            fd = fcntl.fcntl(sock.fileno(), fcntl.F_DUPFD, 30)
            out, err = fcntl.fcntl(out, fcntl.F_DUPFD, 30), fcntl.fcntl(err, fcntl.F_DUPFD, 30)
            os.dup2(out, 1)
            os.dup2(err, 2)
            os.dup2(fd, 3)
            sock.detach()
            self.control.detach()
            os.closerange(4, 1024)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if not self.filter:
                os.setsid()
            limit(resource.RLIMIT_NOFILE, 64)
            limit(resource.RLIMIT_STACK, 8 << 20)
            limit(resource.RLIMIT_CORE, 0)
            limit(resource.RLIMIT_MEMLOCK, 0)
            limit(resource.RLIMIT_MSGQUEUE, 0)
            prctl(PR_SET_DUMPABLE, 1)
            if self.filter:
                self.filter.install()
            random.seed(0)
            self.modules["program"].main(3)
        finally:
            os._exit(0)


def main(config, modules):
    Zygote(config, modules).run()
