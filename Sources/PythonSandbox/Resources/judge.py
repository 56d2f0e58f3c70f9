"""The judge: reads jobs from the supervisor, drives the program in its own process, and writes the reports.

No line of the program runs here. Suites of plain asserts run in the judge itself; any other suite runs in a fork of it,
because its code may leave state behind.
"""
import ast, base64, builtins, contextlib, gc, io, json, os, random, re, resource, select, signal, socket, struct, sys, time
import types

PLAIN_BUILTINS = frozenset(
    "abs all any ascii bin bool bytes chr complex dict divmod enumerate filter float format frozenset hex int isinstance "
    "issubclass len list map max min oct ord range repr reversed round set slice sorted str sum tuple type zip True False "
    "None AssertionError ValueError TypeError KeyError IndexError ZeroDivisionError Exception".split())
PLAIN_NODES = (
    ast.Module, ast.Assert, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Call, ast.Constant, ast.Name, ast.Load,
    ast.List, ast.Tuple, ast.Dict, ast.Set, ast.Subscript, ast.Slice, ast.Starred, ast.keyword, ast.IfExp, ast.Attribute,
    ast.cmpop, ast.boolop, ast.unaryop, ast.operator, ast.Lambda, ast.arguments, ast.arg, ast.GeneratorExp, ast.ListComp,
    ast.SetComp, ast.DictComp, ast.comprehension, ast.Store, ast.Expr, ast.expr_context, ast.JoinedStr, ast.FormattedValue)
MOST_FILES = 10_000  # of a program in the temporary folder
RESERVE = 1.0  # seconds, at most, that one test leaves to the tests after it
SOURCE_LENGTH, VALUE_LENGTH = 100, 160


class Unusable(Exception):
    """The tests themselves can't run: nothing is said about the program."""


class Failed(AssertionError):
    """An assert that did not hold, with the values that it compared."""

    def __init__(self, message, got=None, want=None):
        super().__init__(message)
        self.got, self.want = got, want


# ---- asserts that show their values


def _shorten(text, length=VALUE_LENGTH):
    text = text if type(text) is str else "?"
    return text if len(text) <= length else text[: length - 20] + "…" + text[-19:]


def show(value):
    """A short, deterministic text for a value."""
    try:
        text = repr(value)
    except (PEER.PeerGone, PEER.Stopped):
        raise
    except BaseException:
        text = "<%s object>" % type(value).__name__
    text = re.sub(r"<(?:[\w<>]+\.)*([\w]+) object at 0x[0-9a-f]+>", r"<\1 object>", text)
    text = re.sub(r" at 0x[0-9a-f]+", "", text)
    return _shorten(text)


def _note(message):
    return "" if message is None else ": %s" % _shorten(message() if type(message()) is str else show(message()), 200)


def _check_compare(left, op, right, message):
    holds = _COMPARE[op](left, right)
    if holds:
        return
    got, want = show(left), show(right)
    if op != "==":
        want = {"is": "%s", "!=": "anything but %s", "is not": "anything but %s", "in": "one of %s",
                "not in": "none of %s"}.get(op, "a value " + op + " %s") % want
    raise Failed("got %s, want %s%s" % (got, want, _note(message)), got, want)


def _check_true(value, negated, message):
    if bool(value) is not negated:
        return
    got, want = show(value), "False" if negated else "True"
    if type(value) is not bool:
        want = "a false value" if negated else "a true value"
    raise Failed("got %s, want %s%s" % (got, want, _note(message)), got, want)


_COMPARE = {
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "is": lambda a, b: a is b, "is not": lambda a, b: a is not b,
    "in": lambda a, b: a in b, "not in": lambda a, b: a not in b,
}
_SYMBOLS = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Is: "is",
            ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in"}


class AssertRewriter(ast.NodeTransformer):
    """`assert a == b` becomes a call that evaluates both sides once and keeps them."""

    def visit_Assert(self, node):
        message = ast.Constant(None)
        if node.msg is not None:
            message = ast.Lambda(ast.arguments([], [], None, [], [], None, []), node.msg)
        test = node.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            call = ("__coe_compare__", [test.left, ast.Constant(_SYMBOLS[type(test.ops[0])]), test.comparators[0], message])
        elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            call = ("__coe_true__", [test.operand, ast.Constant(True), message])
        else:
            call = ("__coe_true__", [test, ast.Constant(False), message])
        new = ast.Expr(ast.Call(ast.Name(call[0], ast.Load()), call[1], []))
        return ast.fix_missing_locations(ast.copy_location(new, node))


_HELPERS = {"__coe_compare__": _check_compare, "__coe_true__": _check_true}


class Statement:
    """One test of a list of statements, compiled."""

    def __init__(self, source, where):
        try:
            tree = ast.parse(source, where)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None)
            raise Unusable("%s%s can't be parsed: %s" % (where, " (line %d)" % line if line else "",
                                                        getattr(error, "msg", error))) from None
        self.plain = _is_plain(tree)
        self.names, self.modules = _names(tree)
        self.imports = _imports(tree)
        self.name = _title(source)
        self.tree, self.where, self.compiled = tree, where, None

    @property
    def code(self):
        if self.compiled is None:
            self.compiled = compile(AssertRewriter().visit(self.tree), self.where, "exec", dont_inherit=True)
        return self.compiled


def _title(source):
    text = " ".join(source.split())
    return text if len(text) <= SOURCE_LENGTH else text[: SOURCE_LENGTH - 1] + "…"


def _is_plain(tree):
    for node in ast.walk(tree):
        if not isinstance(node, PLAIN_NODES):
            return False
        if isinstance(node, ast.Attribute) and (node.attr.startswith("_") or not isinstance(node.ctx, ast.Load)):
            return False
        if isinstance(node, ast.Name) and node.id.startswith("_"):
            return False
        if isinstance(node, ast.Name) and node.id not in PLAIN_BUILTINS and hasattr(builtins, node.id):
            return False
        if isinstance(node, ast.Expr):
            return False
    return True


def _names(tree):
    """The names that a piece of the tests uses, and those of them that are used like modules: `math.isclose`."""
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    bases = {n.value.id for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)}
    called = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    return names, {n for n in bases - called if n in PEER._PURE_MODULES}


def _imports(tree):
    out = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            out += [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            out.append(node.module)
    return out


class LRU(dict):
    def __init__(self, size):
        self.size = size

    def get_or(self, key, make):
        value = self.pop(key, None)
        if value is None:
            value = make()
            while len(self) >= self.size:
                del self[next(iter(self))]
        self[key] = value
        return value


# ---- the program's process


class Control:
    """The line to PID 1, which makes program processes."""

    def __init__(self, sock):
        self.sock, self.number, self.pending, self.kept = sock, 0, None, None

    def ask(self, kind):
        for fd in self.kept[1:] if self.kept else ():
            os.close(fd)
        self.number, self.kept = (self.number + 1) % (1 << 32), None
        self.sock.send(kind + struct.pack(">I", self.number))
        self.pending = self.number

    def fresh(self):
        """(status of the process before, socket, output, errors) of a new process."""
        if self.kept is not None:
            kept, self.kept = self.kept, None
            return kept
        if self.pending is None:
            self.ask(b"N")
        while True:
            data, fds, _, _ = socket.recv_fds(self.sock, 16, 3)
            if not data:
                os._exit(0)
            number, status = struct.unpack(">Ii", data)
            if number == self.pending:
                self.pending = None
                return (status, *fds)
            for fd in fds:
                os.close(fd)


class Output(io.StringIO):
    """Where the tests' own prints and the program's output come together."""


class Run:
    """One job."""

    def __init__(self, job, control):
        self.job, self.control = job, control
        limits = job["limits"]
        self.wall, self.output_limit = limits["wallSeconds"], limits["outputBytes"]
        self.started = time.monotonic()
        self.end = self.started + self.wall
        self.peer, self.flaw, self.armed = None, None, False
        self.files, self.offsets = (), [0, 0]
        self.used, self.mentioned, self.count_files = 0, set(), job["countFiles"]
        self.test_modules = set()
        self.deadline = self.end
        self.names, self.values, self.load_error, self.loaded_once = [], {}, None, False
        self.fds, self.status = (), None
        self.module = None

    # -- output

    def tick(self):
        """While the program computes: its output and the number of its files."""
        self.pump()
        folder = os.statvfs(".")
        if folder.f_files - folder.f_ffree > MOST_FILES and self.count_files:
            self.flaw = self.flaw or ("files", None)
            raise PEER.Stopped("files")

    def pump(self, final=False):
        """Moves what the program wrote to this process's standard output and errors."""
        for i, fd in enumerate(self.files):
            size = os.fstat(fd).st_size
            if size > self.offsets[i]:
                room = self.output_limit - self.used
                data = os.pread(fd, min(size - self.offsets[i], room + 1), self.offsets[i])
                self.offsets[i] += len(data)
                self.used += len(data)
                stream = sys.stderr if i else sys.stdout
                try:
                    stream.write(data[:room].decode("utf-8", "replace"))
                except (ValueError, AttributeError):
                    pass
                if self.used > self.output_limit and not final:
                    self.flaw = self.flaw or ("outputLimit", None)
                    raise PEER.Stopped("outputLimit")

    # -- the program

    def ensure(self):
        """A loaded program; False when it does not load."""
        if self.peer is not None:
            return True
        if self.load_error is not None:
            return False
        self.status, fd, out, err = self.control.fresh()
        self.fds, self.files, self.offsets = (fd, out, err), (out, err), [0, 0]
        peer = PEER.Peer(fd, guarded=True, module_name=self.job["moduleName"])
        peer.test_modules = self.test_modules
        peer.on_wait, peer.on_reply = self.tick, self.pump
        peer.keeps_stop_iteration = "StopIteration" in self.mentioned
        peer.deadline = self.deadline
        peer.handlers = {k: v for k, v in peer.handlers.items()}
        peer.handlers["input"] = lambda decoder, prompt: (builtins.input(str(prompt)), False)
        self.peer = peer
        limits = self.job["limits"]
        try:
            names = peer.request("load", {
                "prelude": self.job.get("prelude"), "program": self.job["program"], "setup": self.job.get("setup"),
                "module": self.job["moduleName"], "memory": limits["memoryBytes"], "cpu": max(1, int(limits["cpuSeconds"] + 0.999)),
                "cpuTime": limits["cpuSeconds"],
                "file": limits["fileBytes"], "processes": limits["processes"]})
            self.names = [(str(n), str(k), m if type(m) is str else None) for n, k, m, _ in names]
            self.values = {str(n): value for n, _, _, value in names if value is not None}
            return True
        except BaseException as error:
            self.load_error = self.explain(error) or self.explain(PEER.ProtocolError())
            self.drop()
            return False

    def drop(self, died=False):
        """Ends the program's process; the next one is ready when it is asked for."""
        if self.peer is None:
            return
        self.close()
        self.control.ask(b"D" if died else b"N")

    def close(self):
        if self.peer is not None:
            self.peer.fd = -1
        for fd in self.fds:
            os.close(fd)
        self.peer, self.fds, self.files = None, (), ()

    def explain(self, error):
        """What an exception means for the program: a dictionary with status, type, message, line."""
        if self.flaw is not None:
            kind = self.flaw[0]
            if kind == "timeout":
                return {"status": "timeout", "type": "Timeout", "message": "timed out"}
            if kind == "files":
                return {"status": "outputLimit", "type": "OutputLimit", "message": "more than %d files" % MOST_FILES}
            if kind == "outputLimit":
                return {"status": "outputLimit", "type": "OutputLimit",
                        "message": "more than %d KiB of output" % (self.output_limit >> 10)}
        if isinstance(error, PEER.Stopped):
            self.flaw = (error.reason, None)
            return self.explain(error)
        if isinstance(error, PEER.PeerGone):
            try:
                self.pump()
            except PEER.Stopped:
                return self.explain(error)
            self.drop(died=True)
            self.control.kept = self.control.fresh()
            status = self.control.kept[0]
            self.flaw = ("gone", status)
            return self._ended(status)
        if isinstance(error, PEER.ProtocolError):
            self.flaw = ("protocol", None)
            return {"status": "error", "type": "InvalidAnswer", "message": "the program's process sent an invalid answer"}
        remote = getattr(error, "__dict__", {}).get("_coe_remote")
        if isinstance(error, MemoryError) and remote is not None:
            return {"status": "memory", "type": "MemoryError", "message": "out of memory (the limit is %d MiB)"
                    % (self.job["limits"]["memoryBytes"] >> 20), "line": remote[1]}
        if remote is None:
            return None
        name = type(error).__name__
        out = {"status": "error", "type": name, "message": _shorten(remote[0], 300), "line": remote[1]}
        if isinstance(error, SystemExit):
            out["message"] = "the program called sys.exit(%s)" % _shorten(remote[0], 60)
        if isinstance(error, SyntaxError) and len(error.args) == 2 and type(error.args[1]) is tuple:
            detail = error.args[1]
            out["message"] = _shorten(str(error.args[0]), 300)
            if detail[0] == "<program>":
                out["line"] = detail[1] if type(detail[1]) is int else None
                out["column"] = detail[2] if type(detail[2]) is int else None
        return out

    def _ended(self, status):
        if status < 0:
            return {"status": "error", "type": "ProgramEnded", "message": "the program closed its channel"}
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number in (signal.SIGXCPU, signal.SIGPROF):
                return {"status": "timeout", "type": "Timeout", "message": "timed out"}
            if number == signal.SIGKILL:
                used = self.job["limits"]["cpuSeconds"]
                if time.monotonic() - self.started >= used:
                    return {"status": "timeout", "type": "Timeout", "message": "timed out"}
                return {"status": "memory", "type": "MemoryError", "message": "killed for memory"}
            reason = {signal.SIGSEGV: "crashed (segmentation fault)", signal.SIGABRT: "aborted",
                      signal.SIGSYS: "made a system call that is not allowed", signal.SIGFPE: "crashed (arithmetic)",
                      signal.SIGBUS: "crashed (bus error)", signal.SIGILL: "crashed (illegal instruction)"}.get(number)
            return {"status": "error", "type": "ProgramEnded", "message": "the program " + (
                reason or "was ended by signal %d" % number)}
        return {"status": "error", "type": "ProgramEnded",
                "message": "the program exited with code %d during the test" % os.WEXITSTATUS(status)}

    # -- one test

    def attempt(self, name, body, last):
        """Runs one test and returns its outcome."""
        outcome = {"name": name, "status": "passed"}
        left = self.end - time.monotonic()
        if left <= 0.005:
            return {"name": name, "status": "notRun", "message": "not run: the time was used up"}
        self.begin(left, last)
        error = None
        try:
            if not self.ensure():
                return {"name": name, "status": "notRun", "message": "not run: the program does not load"}
            self.peer.deadline = self.deadline
            body()
        except Unusable:
            raise
        except BaseException as caught:
            error = caught
        finally:
            self.armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)
        self.judge(outcome, error)
        return outcome

    def begin(self, left, last):
        self.flaw, self.armed = None, True
        limit = left if last else left - min(RESERVE, 0.2 * left)
        self.deadline = time.monotonic() + limit
        signal.setitimer(signal.ITIMER_REAL, limit + 0.05)
        if self.peer is not None:
            self.peer.deadline = self.deadline

    def judge(self, outcome, error):
        """Fills in the outcome of a test that ended with `error`, or with none."""
        if self.flaw is not None and error is None:
            error = PEER.Stopped(self.flaw[0])
        if error is None:
            return
        said = self.explain(error)
        if self.flaw is not None and self.peer is not None:
            self.drop()
        if said is not None:
            outcome.update(status=said["status"], errorType=said["type"], errorMessage=said["message"], line=said.get("line"))
            text = said["message"]
            if said["status"] == "error" and said["type"] not in ("ProgramEnded", "InvalidAnswer"):
                text = "%s: %s" % (said["type"], said["message"]) if said["message"] else said["type"]
                if said.get("line"):
                    text += " (line %d)" % said["line"]
            outcome["message"] = text
        elif type(error).__name__ in ("Skipped", "SkipTest"):  # of unittest, pytest or the file's own runner
            outcome.update(status="skipped", message="skipped: %s" % _shorten(_safe_text(error), 200))
        elif isinstance(error, Failed):
            outcome.update(status="failed", message=str(error), got=error.got, want=error.want)
        elif isinstance(error, AssertionError):
            outcome.update(status="failed", message=_shorten(str(error), 300) or "the assertion is false")
        else:
            if isinstance(error, ImportError) and getattr(error, "name", None) != self.job["moduleName"]:
                raise Unusable("the tests import what is not there: %s" % error)
            if isinstance(error, MemoryError):
                outcome.update(status="memory", message="the test ran out of memory")
                return
            text = _shorten(_safe_text(error), 300)
            outcome.update(status="error", errorType=type(error).__name__, errorMessage=text,
                           message="%s: %s" % (type(error).__name__, text) if text else type(error).__name__)


def _safe_text(error):
    try:
        return str(error)
    except Exception:
        return ""


# ---- suites


_statements = LRU(4096)
_CONTAINER_TYPES, _RESERVED = {}, None


def run_statements(run, job):
    visible = [_statements.get_or(s, lambda s=s, i=i: Statement(s, "test %d" % (i + 1)))
               for i, s in enumerate(job["tests"]["statements"])]
    hidden = [_statements.get_or(s, lambda s=s, i=i: Statement(s, "hidden test %d" % (i + 1)))
              for i, s in enumerate(job["hiddenTests"])]
    return visible, hidden


class Session:
    """The tests of a job in the process that runs them; the namespace follows the program when it is restarted.

    The program's names are visible in the tests, but a program that calls one of its functions `abs` must not judge
    itself: names of built-ins, of the standard library's modules and containers keep their meaning, unless the tests use
    no other name of the program (then such a name is the one that is tested).
    """

    def __init__(self, run, names, modules, name="tests"):
        self.run, self.space, self.bound = run, {"__name__": name, "__builtins__": builtins, **_HELPERS}, {}
        self.peer, self.modules = None, modules
        run.test_modules.add(name)
        own = {n for n, kind, _ in run.names if kind != "module" and n in names and n not in _RESERVED and n not in modules}
        self.reserved = _RESERVED if own else frozenset()

    def use(self, names=None):
        """Makes the program's names among `names` (or all) visible."""
        run, space = self.run, self.space
        if run.peer is not self.peer:
            for n, value in self.bound.items():
                if space.get(n) is value:
                    del space[n]
            self.bound, self.peer = {}, run.peer
        for n in self.modules:
            if n not in space and (names is None or n in names):
                space[n] = __import__(n)
        for n, kind, module in run.names:
            if n in self.bound or names is not None and n not in names or n in space or n in self.reserved:
                if n in self.reserved and n in _CONTAINER_TYPES and n not in space:
                    space[n] = _CONTAINER_TYPES[n]
                continue
            if kind == "module":
                if module not in PEER._PURE_MODULES:
                    continue
                value = __import__(module)
            else:
                value = run.values[n] if n in run.values else run.peer.request("name", n)
            space[n] = self.bound[n] = value
            if kind == "value" and not isinstance(value, PEER.Remote):
                run.peer.after_call = self.follow

    def follow(self):
        """Numbers and texts of the program may change with every call; other values are proxies, which stay true."""
        peer = self.run.peer
        if peer is None or peer is not self.peer:
            return
        for n, kind, _ in self.run.names:
            if kind == "value" and n in self.bound and self.space.get(n) is self.bound[n] \
                    and not isinstance(self.bound[n], PEER.Remote):
                self.space[n] = self.bound[n] = peer.request("name", n)


def _reserved():
    import collections, decimal, fractions
    types_ = {t.__name__: t for t in (collections.deque, collections.Counter, collections.OrderedDict,
                                      collections.defaultdict, decimal.Decimal, fractions.Fraction)}
    return types_, frozenset(vars(builtins)) | frozenset(types_)


def session_of_statements(run, visible, hidden):
    tests = visible + hidden
    session = Session(run, set().union(*[t.names for t in tests]), set().union(*[t.modules for t in tests]))
    outcomes = []
    for i, test in enumerate(tests):
        def body(test=test):
            session.use(test.names)
            exec(test.code, session.space)
        outcomes.append(run.attempt(test.name, body, last=i == len(tests) - 1))
    return outcomes[: len(visible)], outcomes[len(visible):]


def report(run, visible, hidden):
    error = run.load_error if not run.loaded_once else None
    out = {"tests": visible, "hiddenTests": hidden, "output": None, "seconds": 0.0}
    if error is not None:
        out["programError"] = {"type": error["type"], "message": error["message"], "line": error.get("line"),
                               "column": error.get("column"), "status": error["status"]}
    return out


def perform(job, control, config):
    global _CONTAINER_TYPES, _RESERVED
    if _RESERVED is None:
        _CONTAINER_TYPES, _RESERVED = _reserved()
    run = Run(job, control)
    capture = Output()
    outer = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = capture
    signal.signal(signal.SIGALRM, lambda *_: _alarm(run))
    try:
        answer = _perform(run, job, config)
    except Unusable as error:
        answer = {"unusable": str(error)}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.stdout, sys.stderr = outer
    if "output" in answer:
        if answer["output"] is None:
            answer["output"] = capture.getvalue()
        answer["output"] = answer["output"][: run.output_limit]
        answer["seconds"] = round(time.monotonic() - run.started, 6)
    run.close()
    PEER._MIRRORS.clear()
    return answer


def _alarm(run):
    if run.armed:
        run.flaw = run.flaw or ("timeout", None)
        raise PEER.Stopped("timeout")


def _perform(run, job, config):
    suite = job["tests"]
    if "statements" in suite:
        visible, hidden = run_statements(run, job)
        names = [t.name for t in visible], [t.name for t in hidden]
        plain = all(t.plain and not t.modules for t in visible + hidden)
        needed = set().union(*[t.names for t in visible + hidden]) if visible or hidden else set()
        work = lambda: session_of_statements(run, visible, hidden)
        imports = [] if plain else sorted({i for t in visible + hidden for i in t.imports})
    else:
        plan = SUITES.plan(run, job)
        hidden = [Statement(s, "hidden test %d" % (i + 1)) for i, s in enumerate(job["hiddenTests"])]
        names, plain, needed = (plan.names, [t.name for t in hidden]), False, set().union(plan.mentioned, *[t.names for t in hidden])
        work = lambda: plan.run(run, hidden)
        imports = plan.imports
    run.mentioned = needed
    run.begin(run.wall, True)
    try:
        loaded = run.ensure()
    finally:
        run.armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
    if not loaded:
        skip = lambda n: {"name": n, "status": "notRun", "message": "not run: the program does not load"}
        return report(run, [skip(n) for n in names[0]], [skip(n) for n in names[1]])
    run.loaded_once = True
    plain = plain and not any(kind == "module" and n in needed for n, kind, _ in run.names)
    if plain:
        return report(run, *work())
    for name in imports:
        if name.split(".")[0] in sys.stdlib_module_names and name != job["moduleName"]:
            with contextlib.suppress(BaseException):
                __import__(name)
    return in_fork(run, work, names)


def in_fork(run, work, names):
    """Runs a suite in a child of the judge, which may leave its world as it likes."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        random.seed(0)
        try:
            try:
                answer = report(run, *work())
            except Unusable as error:
                answer = {"unusable": str(error)}
            answer["output"] = sys.__dict__["stdout"].getvalue() if isinstance(sys.stdout, Output) else ""
            with open(theirs, "wb") as pipe:
                pipe.write(json.dumps(answer).encode())
        except BaseException as error:
            os.write(2, repr(error).encode())
        os._exit(0)
    os.close(theirs)
    run.close()
    run.control.number += 1 << 20
    parts, end = [], run.end + 0.5
    poll = select.poll()
    poll.register(ours, select.POLLIN)
    while True:
        left = end - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            break
        data = os.read(ours, 1 << 20)
        if not data:
            break
        parts.append(data)
    os.close(ours)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    try:
        return json.loads(b"".join(parts))
    except ValueError:
        stop = lambda n: {"name": n, "status": "timeout", "message": "the tests did not end in time"}
        return report(run, [stop(n) for n in names[0]], [stop(n) for n in names[1]])


# ---- the supervisor's line


def main(channel, control_socket, config):
    os.chdir(config["folder"])
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    sys.setrecursionlimit(3000)
    control = Control(control_socket)
    control.ask(b"E")
    stream = os.fdopen(os.dup(channel), "rb", 1 << 16)
    os.close(channel)
    out = stream.fileno()

    def answer(message):
        data = json.dumps(message).encode("ascii")
        data = memoryview(struct.pack(">I", len(data)) + data)
        while data:
            data = data[os.write(out, data):]

    answer({"ready": True, "python": "%d.%d.%d" % sys.version_info[:3]})
    while True:
        head = stream.read(4)
        if len(head) < 4:
            os._exit(0)
        job = json.loads(stream.read(struct.unpack(">I", head)[0]))
        try:
            result = perform(job, control, config)
        except BaseException as error:
            import traceback
            answer({"fault": "".join(traceback.format_exception(error))[-4000:]})
            os._exit(1)
        control.ask(b"E")
        answer(result)
