"""The process in which the tests of a job run: asks the program's process, compares here, tells the zygote the outcomes.

No line of the program runs here, and no line of a test runs in the zygote.
"""
import contextlib, io, json, os, re, resource, signal, socket, struct, sys, time

MOST_FILES = 10_000  # of a program in the temporary folder
MOST_MEMORY = 128 << 10  # KiB, of a process that runs another job
RESERVE = 1.0  # seconds, at most, that one test leaves to the tests after it

class Unusable(Exception):
    """The tests themselves can't run: nothing is said about the program."""


class Stopped(BaseException):
    """The test is stopped: timeout, files or outputLimit."""


class Run:
    """One job."""
    Stopped = Stopped

    def __init__(self, job, tell, fresh):
        self.job, self.tell, self.fresh, self.module, self.limits = job, tell, fresh, job["moduleName"], job["limits"]
        self.started = time.monotonic()
        self.end = self.deadline = self.started + self.limits["wallSeconds"]
        self.line, self.flaw, self.load_error, self.kept, self.clean = None, None, None, None, True
        self.files, self.offsets, self.used, self.tested, self.found, self.space = (), [0, 0], 0, set(), {}, ASSERTS.Space(self)
        suite = job["tests"]
        self.source = "\n".join([*suite.get("statements", suite.values()), *job["hiddenTests"]])

    # ---- while the program computes

    def tick(self):
        self.tell(None, True)
        self.pump()
        folder = os.statvfs(".")
        if folder.f_files - folder.f_ffree > MOST_FILES and self.job["countFiles"]:
            self.stop("files")
        if time.monotonic() > self.deadline:
            self.stop("timeout")

    def stop(self, reason):
        self.flaw = self.flaw or reason
        raise Stopped(reason)

    def pump(self):
        """Moves what the program wrote to this process's standard output and errors."""
        for i, fd in enumerate(self.files):
            size, room = os.fstat(fd).st_size, self.limits["outputBytes"] - self.used
            if size > self.offsets[i]:
                data = os.pread(fd, min(size - self.offsets[i], room + 1), self.offsets[i])
                self.offsets[i] += len(data)
                self.used += len(data)
                with contextlib.suppress(ValueError, AttributeError):
                    (sys.stderr if i else sys.stdout).write(data[:max(0, room)].decode("utf-8", "replace"))
                if self.used > self.limits["outputBytes"]:
                    self.stop("outputLimit")

    def ensure(self):
        """A loaded program; False when it does not load."""
        if self.line is not None or self.load_error is not None:
            return self.load_error is None
        (_, fd, *self.files), self.kept, self.offsets = self.kept or self.fresh("unfit"), None, [0, 0]
        self.line = THINGS.LINE = TESTS.Tests(fd, self)
        sources = [(n, self.job.get(k)) for n, k in (("<prelude>", "prelude"), ("<program>", "program"), ("<setup>", "setup"))]
        try:
            called = tuple({*re.findall(r"([^\W\d]\w*) *\(", self.source)} - ASSERTS.RESERVED)
            self.line.module, *known = self.line.exchange(
                "load", self.module, tuple(s for s in sources if s[1]), called, self.limits["memoryBytes"],
                self.limits["cpuSeconds"], self.limits["fileBytes"], self.limits["processes"])
            sys.modules[self.module] = self.line.module
            self.found = dict(known)
            self.pump()
        except BaseException as error:
            with contextlib.suppress(Stopped):
                self.pump()
            self.load_error = self.explain(error) or {"status": "error", "type": "InvalidAnswer", "message": repr(error)[:200]}
        return self.load_error is None

    def drop(self):
        for fd in (self.line.fd, *self.files) if self.line is not None else ():
            os.close(fd)
        for name in [n for n, value in self.space.items() if THINGS.is_thing(value)]:
            del self.space[name]
        self.line, self.files = None, ()

    # ---- what an end means

    def explain(self, error):
        """What an exception of the program means: a dictionary with status, type, message, line; None for another one."""
        def say(status, name, message, line=None):
            return {"status": status, "type": name, "message": message, "line": line}
        if self.flaw is not None or isinstance(error, Stopped):
            if (self.flaw or "timeout") == "timeout":
                return say("timeout", "Timeout", "timed out")
            most = "%d files" % MOST_FILES if self.flaw == "files" else "%d KiB of output" % (self.limits["outputBytes"] >> 10)
            return say("outputLimit", "OutputLimit", "more than " + most)
        if isinstance(error, WIRE.Gone):
            self.drop()
            self.kept = self.fresh("ended")
            return say(*self.ended(self.kept[0]))
        if isinstance(error, WIRE.Invalid):
            return say("error", "InvalidAnswer", "the program's process sent an invalid answer")
        if "_coe" not in getattr(error, "__dict__", ()):
            return None
        (text, line, forbidden), name = error._coe, type(error).__name__
        if forbidden:
            return say("refused", name, "the program needs what the jail forbids: %s" % ASSERTS.shorten(text), line)
        if isinstance(error, MemoryError):
            return say("memory", name, "out of memory (the limit is %d MiB)" % (self.limits["memoryBytes"] >> 20), line)
        if isinstance(error, SystemExit):
            text = "the program called sys.exit(%s)" % ASSERTS.shorten(text, 60)
        out = say("error", name, ASSERTS.shorten(text, 300), line)
        if isinstance(error, SyntaxError):
            out["message"] = ASSERTS.shorten(str(error.msg), 300)
            if error.filename == "<program>":
                out.update(line=error.lineno, column=error.offset)
        return out

    def ended(self, status):
        """The status, type and message for a program's process that ended with a wait status."""
        if status < 0 or not os.WIFSIGNALED(status):
            text = "closed its channel" if status < 0 else "exited with code %d during the test" % os.WEXITSTATUS(status)
            return "error", "ProgramEnded", "the program " + text
        number = os.WTERMSIG(status)
        late = time.monotonic() - self.started >= self.limits["cpuSeconds"]
        if number in (signal.SIGXCPU, signal.SIGPROF) or number == signal.SIGKILL and late:
            return "timeout", "Timeout", "timed out"
        if number == signal.SIGKILL:
            return "memory", "MemoryError", "killed for memory"
        return "error", "ProgramEnded", "the program " + {
            signal.SIGSEGV: "crashed (segmentation fault)", signal.SIGABRT: "aborted", signal.SIGBUS: "crashed (bus error)",
            signal.SIGSYS: "made a system call that is not allowed"}.get(number, "was ended by signal %d" % number)

    def attempt(self, name, body, last=False):
        """Runs one test and returns its outcome."""
        left, error = self.end - time.monotonic(), None
        if time.monotonic() - self.started > 0.02:
            self.tell(None, True)
        if left <= 0.005:
            return {"name": name, "status": "notRun", "message": "not run: the time was used up"}
        limit = left if last else left - min(RESERVE, 0.2 * left)
        self.flaw, self.deadline = None, time.monotonic() + limit
        signal.setitimer(signal.ITIMER_REAL, limit + 0.05)
        try:
            if not self.ensure():
                return {"name": name, "status": "notRun", "message": "not run: the program does not load"}
            body()
        except Unusable:
            raise
        except BaseException as caught:
            error = caught
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        line = self.line
        outcome = {"name": name, **self.judge(error)}
        if line.refusal is not None and self.flaw is None:
            outcome = {"name": name, "status": "refused", "message": line.refusal, "errorType": "Refused"}
        line.caught = None
        if self.flaw is not None or outcome["status"] == "refused":
            self.drop()
            self.clean = False
        return outcome

    def judge(self, error):
        """The outcome of a test that ended with `error`, or with none."""
        if error is None and self.flaw is None:
            return {"status": "passed"}
        said = self.explain(error)
        if said is not None:
            text, name = said["message"], said["type"]
            out = {"status": said["status"], "errorType": name, "errorMessage": text, "line": said["line"], "message": text}
            if said["status"] == "error" and name not in ("ProgramEnded", "InvalidAnswer"):
                where = " (line %d)" % said["line"] if said["line"] else ""
                out["message"] = (name + ": " + text if text else name) + where
            return out
        text, name = ASSERTS.shorten(str(error), 300), type(error).__name__
        if name == "FixtureLookupError":
            return {"status": "refused", "message": "the test needs a fixture that is not here: %s" % error.argname}
        if name in ("Skipped", "SkipTest"):  # of unittest or pytest: never the program's
            return {"status": "skipped", "message": "skipped: %s" % text}
        if isinstance(error, ASSERTS.Failed):
            return {"status": "failed", "message": str(error), "got": error.got, "want": error.want}
        if isinstance(error, AssertionError):
            return {"status": "failed", "message": text or "the assertion is false"}
        if isinstance(error, MemoryError):
            return {"status": "memory", "message": "the test ran out of memory"}
        if re.search(r"\bCoe(Callable|Class|Stream)?Thing\b", text) or isinstance(error, OSError) and error.errno in (1, 38):
            return {"status": "refused", "message": "the test needs more than the judge gives: %s" % text}
        if isinstance(error, ImportError):
            if error.name != self.module:
                raise Unusable("the tests import what is not there: %s" % error)
            text = re.sub(r"cannot import (name '\w+').*", r"the program has no \1", text)
            return {"status": "error", "errorType": name, "errorMessage": text, "message": text}
        return {"status": "error", "errorType": name, "errorMessage": text, "message": "%s: %s" % (name, text) if text else name}

    def perform(self):
        suite = SUITES.Suite(self)
        self.tell({"plan": [suite.names, [ASSERTS.title(s) for s in self.job["hiddenTests"]]]}, not suite.is_short)
        needs = ASSERTS.refusal(self.source, self.job["program"], self.tested)
        if needs is not None:
            for side, names in ((0, suite.names), (1, self.job["hiddenTests"])):
                for name in names:
                    self.tell({"at": side, "outcome": {"name": ASSERTS.title(name), "status": "refused", "message": needs}})
            return {}
        signal.setitimer(signal.ITIMER_REAL, self.limits["wallSeconds"])
        loaded = self.ensure()
        signal.setitimer(signal.ITIMER_REAL, 0)
        if not loaded:
            return {"programError": {k: self.load_error.get(k) for k in ("type", "message", "line", "column")}}
        for side, cases in ((0, suite.cases()), (1, suite.hidden)):
            for name, body in cases:
                self.tell({"at": side, "outcome": self.attempt(name, body, side == 1 and body is suite.hidden[-1][1])})
        if self.line is not None and self.line.owed:
            self.tell({"at": 0, "outcome": {"name": "asserts in functions that the program was given", "status": "refused",
                                            "message": "the program did not call a function that asserts"}})
        return {}


def perform(job, tell, fresh):
    """Runs one job; whether this process may run another."""
    sys.stdout = sys.stderr = capture = io.StringIO()
    run, kept = Run(job, tell, fresh), False
    signal.signal(signal.SIGALRM, lambda *_: run.stop("timeout"))
    try:
        answer = run.perform()
        kept = run.clean and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < MOST_MEMORY
    except Unusable as error:
        answer = {"unusable": str(error)}
    except Exception as error:
        answer = {"unusable": "the judge can't run the tests: %s: %s" % (type(error).__name__, error)}
    answer.update(output=capture.getvalue()[: run.limits["outputBytes"]], seconds=round(time.monotonic() - run.started, 6))
    tell({"end": answer, "keep": kept}, True)
    run.drop()
    for fd in (run.kept or ())[1:]:
        os.close(fd)
    sys.modules.pop(run.module, None)
    return kept


def main(channel):
    """Reads jobs from the zygote's channel, each with the ends of a program's process, and runs them."""
    sock = socket.socket(fileno=channel)

    def receive():
        data, fds, _, _ = socket.recv_fds(sock, 4, 3)
        return data and struct.unpack(">i", data) + tuple(fds)

    while head := receive():
        data, first = b"", [(-1, *head[1:])]
        while len(data) < head[0]:
            data += sock.recv(head[0] - len(data))
        job = json.loads(data)

        said = []

        def tell(message, now=False):
            """Says something, with all that waits; what may wait goes with the next message or while the program computes."""
            said.extend([message] if message else [])
            if now and said:
                data = json.dumps({"nonce": job["nonce"], "said": said}).encode()
                said.clear()
                sock.sendall(struct.pack(">I", len(data)) + data)

        if not perform(job, tell, lambda end: first.pop() if first else tell({"program": end}, True) or receive()):
            break
    os._exit(0)
