"""PID 1 of the jail: keeps a warm interpreter and runs one job at a time in two other processes.

One holds the program, the other the tests. Both are forked from here before a job arrives, and both are gone, with all that
they started, before the next; only a process whose tests were nothing but asserts may judge again. No line of a program or a
test runs here, and of what the tests' process says only outcomes are unpacked, field by field.
"""
import abc, array, ast, base64, bisect, builtins, cmath, collections, collections.abc, contextlib, copy, ctypes, dataclasses
import datetime, decimal, enum, fcntl, fractions, functools, gc, heapq, inspect, io, itertools, json, keyword, math, numbers
import operator, os, random, re, resource, select, signal, socket, statistics, string, struct, sys, textwrap, threading, time
import traceback, types, typing, weakref
import _sitebuiltins

DUMPABLE, SECCOMP, NO_NEW_PRIVILEGES, SUBREAPER = 4, 22, 38, 36
TESTS_MEMORY, MOST_WORDS, MOST_JOBS = 1 << 30, 8 << 20, 1000
# Words that asserts which leave nothing behind do not hold: other built-ins, modules, private names, those of frames.
_HARMLESS = ("abs all any ascii bin bool bytes chr complex dict divmod enumerate filter float format frozenset hex int isinstance "
             "len list map max min oct ord pow range repr reversed round set slice sorted str sum tuple type zip True False None "
             "assert and or not in is if else for lambda").split()
_HARMFUL = {*dir(builtins), *keyword.kwlist, *(
    "math cmath string itertools functools collections operator re random heapq bisect copy statistics json datetime decimal "
    "fractions typing numbers textwrap sys os time numpy pandas np pd").split()} - {*_HARMLESS}
_HIDDEN = re.compile("_|(gi|cr|ag|tb|f|co)_")
_FIELDS = {"name": str, "status": str, "message": str, "got": str, "want": str, "errorType": str, "errorMessage": str, "line": int}
_STATUSES = "passed failed error timeout memory outputLimit notRun skipped refused".split()


class _Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


def prctl(option, argument, pointer=None, libc=ctypes.CDLL(None, use_errno=True)):
    if libc.prctl(option, ctypes.c_ulong(argument), pointer, ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
        raise OSError(ctypes.get_errno(), "prctl(%d)" % option)


def system_call_filter(code):
    """A compiled seccomp program, ready to be installed in the calling process; none where there is no filter."""
    if not code:
        return lambda: None
    code = base64.b64decode(code)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Filter(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    return lambda: prctl(SECCOMP, 2, ctypes.byref(program)) or buffer


def limit(kind, value):
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard),) * 2)


def clear(folder):
    """Empties a folder of any depth, whatever modes a program gave its files: what lies deep is moved up first."""
    waiting, count = [folder], 0
    while waiting:
        for entry in list(os.scandir(here := waiting.pop())):
            if entry.is_dir(follow_symlinks=False):
                count += 1
                waiting.append(os.path.join(folder, ".coe-%d-%d" % (os.getpid(), count)))
                os.chmod(entry.path, 0o700)
                os.rename(entry.path, waiting[-1])
            else:
                os.unlink(entry.path)
        if here != folder:
            os.rmdir(here)


def only_asserts(sources):
    names = frozenset(re.findall(r"[^\W\d]\w*", "\n".join(sources)))
    return all(s.startswith("assert ") for s in sources) and not names & _HARMFUL and not any(map(_HIDDEN.match, names))


def clean(outcome):
    """A test's outcome with the fields that it may have, each of its type."""
    out = {k: v if t is int else v.encode("utf-8", "replace").decode()[:1000] for k, t in _FIELDS.items()
           if type(v := outcome.get(k)) is t}
    return {"name": "?", **out, "status": out["status"] if out.get("status") in _STATUSES else "error"}


class Zygote:
    def __init__(self, config, modules):
        self.modules, self.children, self.ends, self.alone = modules, {}, [], os.getpid() == 1
        self.channel = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 20)
        null = os.open("/dev/null", os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.close(null)
        if (user := config.get("uid")) is not None:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
        os.chdir(config["folder"])
        os.umask(0o077)
        prctl(NO_NEW_PRIVILEGES, 1)
        prctl(DUMPABLE, 0)
        prctl(SUBREAPER, 1)
        limit(resource.RLIMIT_CORE, 0)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        system_call_filter(config.get("workerFilter"))()
        self.filters = {role: system_call_filter(config.get(role + "Filter")) for role in ("program", "tests")}
        os.environ.clear()
        sys.path[:], sys.argv[:] = config["path"] + config["sitePackages"], ["program"]
        for name in ("exit", "quit"):
            setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D (i.e. EOF)"))
        builtins.help = _sitebuiltins._Helper()
        sys.setrecursionlimit(1000)

    def run(self):
        gc.collect()
        gc.freeze()
        self.begin("program")
        self.begin("tests")
        self.say({"ready": True})
        while True:
            data = self.frame(self.channel, None)
            self.job(data, json.loads(data))

    def say(self, message):
        data = json.dumps(message).encode("ascii")
        data = memoryview(struct.pack(">I", len(data)) + data)
        while data:
            data = data[os.write(self.channel, data):]

    def frame(self, fd, until):
        """One frame; None when the time is up or the tests' process is gone. Without a supervisor everything ends."""
        data, size, watch = b"", 4, select.poll()
        watch.register(self.channel, 0)
        watch.register(fd, select.POLLIN)
        while len(data) < size:
            ready = dict(watch.poll(None if until is None else max(0, (until - time.monotonic()) * 1000)))
            more = os.read(fd, min(size - len(data), 1 << 20)) if fd in ready else b""
            if ready.get(self.channel, 0) & (select.POLLHUP | select.POLLERR) or fd == self.channel and not more:
                os._exit(0)
            data += more
            if len(data) == size == 4:
                size += struct.unpack(">I", data)[0]
            if not more or fd != self.channel and size > MOST_WORDS:
                return None
        return data[4:]

    def job(self, data, job):
        statements = job["tests"].get("statements", ["tests"])
        self.told, self.names = [[], []], [statements, job["hiddenTests"]]
        answer = self.hear(data, job)
        self.jobs += 1
        kept = answer.pop("keep", False) and self.alone and self.jobs < MOST_JOBS and only_asserts(statements + job["hiddenTests"])
        self.kill(kept)
        status, text = answer.pop("rest", ("notRun", "not run: the program does not load"))
        for told, names in zip(self.told, self.names):
            for name in names[len(told):] if status != "notRun" or "programError" in answer else ():
                told.append({"name": name[:100], "status": status, "message": text})
        self.say({**answer, "nonce": job["nonce"], "tests": self.told[0], "hiddenTests": self.told[1]})
        self.reap(kept)

    def hear(self, data, job):
        """What the tests' process says, until it ends or its time is up."""
        until, heard, planned = time.monotonic() + job["limits"]["wallSeconds"] + 0.3, 0, False
        try:
            self.hand_over(struct.pack(">i", len(data)))
            self.line.sendall(data)
            while (words := self.frame(self.line.fileno(), until)) is not None:
                heard, words = heard + len(words), json.loads(words)
                if heard > MOST_WORDS or words["nonce"] != job["nonce"]:
                    break
                for message in words["said"]:
                    if "plan" in message:
                        self.names, planned = [[str(n) for n in side] for side in message["plan"]], True
                    elif "outcome" in message:
                        self.told[message["at"] == 1].append(clean(message["outcome"]))
                    elif "program" in message:
                        status = self.end("program", 0.5 if message["program"] == "ended" else 0)
                        self.begin("program")
                        self.hand_over(struct.pack(">i", status))
                    elif "unusable" in message["end"]:
                        return {"unusable": str(message["end"]["unusable"])[:2000]}
                    else:
                        end, error = message["end"], message["end"].get("programError")
                        error = {"programError": {k: v for k, v in error.items() if type(v) in (str, int)}} if error else {}
                        return {"output": str(end["output"])[: job["limits"]["outputBytes"]], "seconds": float(end["seconds"]),
                                "keep": message.get("keep") is True, **error}
        except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            pass
        is_late = time.monotonic() >= until
        if not planned and not is_late:  # it ended before it ran any line of a test: a fault of the jail
            os._exit(1)
        rest = ("timeout", "the tests did not end in time") if is_late else ("error", "the tests' process ended")
        return {"output": "", "seconds": job["limits"]["wallSeconds"], "rest": rest}

    # ---- processes

    def hand_over(self, head):
        """Gives the tests' process the ends of the program's process, which is ready."""
        fds, self.ends = self.ends, []
        socket.send_fds(self.line, [head], fds)
        for fd in fds:
            os.close(fd)

    def begin(self, role):
        """Forks a process: its line on descriptor 3 and, for the program, its two output files on 1 and 2."""
        ours, theirs = socket.socketpair()
        files = [os.memfd_create(n, os.MFD_CLOEXEC) for n in ("output", "errors")] if role == "program" else []
        self.children[role] = os.fork()
        if self.children[role] == 0:
            try:
                self.become(role, theirs.fileno(), *files)
            finally:
                os._exit(1)
        theirs.close()
        if role == "program":
            self.ends = [ours.detach(), *files]
        else:
            self.line, self.jobs = ours, 0

    def become(self, role, *inherited):
        for place, fd in zip((3, 1, 2), [fcntl.fcntl(fd, fcntl.F_DUPFD, 40) for fd in inherited]):
            os.dup2(fd, place)
        os.closerange(4, 1024)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for kind, value in (("NOFILE", 64), ("STACK", 8 << 20), ("CORE", 0), ("MEMLOCK", 0), ("MSGQUEUE", 0)):
            limit(getattr(resource, "RLIMIT_" + kind), value)
        if role == "tests":
            sys.setrecursionlimit(3000)
            for kind, value in (("AS", TESTS_MEMORY), ("NPROC", 64), ("FSIZE", 16 << 20)):
                limit(getattr(resource, "RLIMIT_" + kind), value)
        self.filters[role]()
        random.seed(0)
        self.modules["program" if role == "program" else "judge"].main(3)

    def end(self, role, grace):
        """Ends a process; its wait status, or -1 when it was still running after the grace, in seconds."""
        child, until = self.children.pop(role), time.monotonic() + grace
        while not (ended := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < until:
            time.sleep(0.0005)
        if not ended[0]:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        return ended[1] if ended[0] else -1

    def kill(self, kept):
        """Ends whatever runs but this process; where the tests' process is kept, the program's alone, which starts none."""
        for child in [self.children["program"]] if kept else [-1] if self.alone else self.children.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def reap(self, kept):
        """Waits for what was killed, clears the folder and makes the next job's processes."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.children["program"], 0)
            while not kept and os.waitpid(-1, 0 if self.alone else os.WNOHANG)[0]:
                pass
        for fd in self.ends:
            os.close(fd)
        if self.alone:
            clear(os.getcwd())
        self.begin("program")
        if not kept:
            self.line.close()
            self.begin("tests")


def main(config, modules):
    Zygote(config, modules).run()
