"""What a job's process tells about its tests: a log in shared memory, and failures in words.

The log is shared memory and not a pipe, so that it survives whatever the program does to its descriptors or its process.
"""
import ast, json, mmap, os, reprlib, struct, sys, traceback

MESSAGE, VALUE, OUTPUT = 2000, 300, 4000


class Log:
    """Events of one job, written by the job's process and read by the zygote. Layout: length (8 bytes), JSON lines."""

    def __init__(self, size=32 << 20):
        self.memory, self.size, self.used, self.owner = mmap.mmap(-1, size), size, 8, None

    def own(self):
        self.owner = os.getpid()
        self.used = 8 + struct.unpack_from("<Q", self.memory, 0)[0]

    def write(self, kind, **event):
        if os.getpid() != self.owner:  # a test that forks must not report for its parent
            return
        data = json.dumps(dict(event, kind=kind), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        if self.used + len(data) > self.size:
            return
        self.memory[self.used:self.used + len(data)] = data
        self.used += len(data)
        struct.pack_into("<Q", self.memory, 0, self.used - 8)

    def events(self):
        used = min(struct.unpack_from("<Q", self.memory, 0)[0], self.size - 8)
        for line in self.memory[8:8 + used].split(b"\n"):
            try:
                event = json.loads(line.decode("utf-8", "replace")) if line else None
            except ValueError:
                event = None  # the program wrote over the log
            if isinstance(event, dict) and "kind" in event:
                yield event

    def close(self):
        self.memory.close()


def cut(text, limit):
    """The text, or its beginning and its end when it is longer than the limit."""
    if len(text) <= limit:
        return text
    return text[:limit * 2 // 3] + "\n… %d characters …\n" % (len(text) - limit) + text[-(limit // 3):]


_short = reprlib.Repr()
_short.maxlist = _short.maxtuple = _short.maxdict = _short.maxset = _short.maxfrozenset = _short.maxdeque = 30
_short.maxstring = _short.maxother = _short.maxlong = VALUE


def show(value, limit=VALUE):
    """The value as Python writes it, shortened; never raises."""
    try:
        if isinstance(value, (str, bytes)) and len(value) > limit:
            value = value[:limit]
            return repr(value)[:limit] + "…"
        long = isinstance(value, (list, tuple, dict, set, frozenset)) and len(value) > 100
        text = _short.repr(value) if long or isinstance(value, int) else repr(value)
        if type(value).__module__ in ("numpy", "pandas", "pandas.core.frame", "pandas.core.series"):
            text = " ".join(text.split())
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        text = "<%s, whose repr raises %s>" % (type(value).__name__, type(error).__name__)
    return text if len(text) <= limit else text[:limit - 1] + "…"


def flat(path):
    return os.path.realpath(path) if path else path


class Sources:
    """The files that matter: FILE, the tests, the project; syntax trees of the tests, parsed before the fork."""

    def __init__(self, project, file, tests):
        self.project, self.file, self.tests = flat(project) + os.sep, flat(file), {flat(t) for t in tests}
        self.trees, self.paths, self.libraries = {}, {}, ()

    def parse(self, path):
        path = self.real(path)
        if path not in self.trees:
            try:
                with open(path, "rb") as source:
                    self.trees[path] = ast.parse(source.read(), path)
            except (OSError, SyntaxError, ValueError, RecursionError):
                self.trees[path] = None
        return self.trees[path]

    def real(self, path):
        if path not in self.paths:
            self.paths[path] = flat(path)
        return self.paths[path]

    def is_test(self, path):
        if path in self.tests:
            return True
        name = os.path.basename(path)
        return self.inside(path) and path != self.file and (
            name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py")

    def inside(self, path):
        """Whether the path is the project's own: below its folder and not in a library folder within it."""
        return path.startswith(self.project) and not path.startswith(self.libraries)

    def statement(self, path, line):
        """The innermost statement at the line and the statements around it."""
        tree, around = self.parse(path), []
        body = tree.body if tree else []
        while body:
            found = [n for n in body if n.lineno <= line <= n.end_lineno]
            if not found:
                break
            around.append(found[-1])
            body = [n for n in ast.walk(found[-1]) if isinstance(n, ast.stmt) and n is not found[-1]]
            body = [n for n in body if n.lineno <= line <= n.end_lineno]
            body = body and [max(body, key=lambda n: n.end_lineno - n.lineno)]
        return (around[-1] if around else None), around

    def text(self, path, line):
        try:
            with open(path, "rb") as source:
                return source.read().splitlines()[line - 1].decode("utf-8", "replace").strip()
        except (OSError, IndexError):
            return ""


# ---- the tested call


def has_call(node):
    return any(isinstance(n, ast.Call) for n in ast.walk(node))


def is_literal(node):
    return not any(isinstance(n, (ast.Call, ast.Name, ast.Attribute, ast.Subscript)) for n in ast.walk(node))


def unparse(node):
    try:
        return cut(ast.unparse(node), VALUE)
    except (ValueError, RecursionError):
        return None


def swapped(left, right):
    """Whether a comparison has the wanted value on its left: `3 == f(1)`."""
    if is_literal(left) != is_literal(right):
        return is_literal(left)
    return has_call(right) and not has_call(left)


def called_name(call):
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def tested_call(node):
    """The expression that a statement tests, and whether its comparison is written the other way round."""
    if isinstance(node, ast.Assert):
        test = node.test
        while isinstance(test, ast.UnaryOp):
            test = test.operand
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            turned = swapped(test.left, test.comparators[0])
            return (test.comparators[0] if turned else test.left), turned
        return test, False
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        call = node.value
        name = called_name(call)
        if name.startswith("assert") and call.args:
            if name.startswith("assertRaises") and len(call.args) > 1:
                return ast.Call(call.args[1], call.args[2:], [k for k in call.keywords if k.arg != "msg"]), False
            if len(call.args) > 1 and swapped(call.args[0], call.args[1]):
                return call.args[1], True
            return call.args[0], False
        return call, False
    if isinstance(node, (ast.With, ast.AsyncWith)) and wanted_exception(node) and node.body:
        return node.body[0], False
    if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Expr)) and node.value is not None:
        return node.value, False
    return None, False


def wanted_exception(node):
    """The exception that `with raises(E):` or `with self.assertRaises(E):` waits for."""
    for item in getattr(node, "items", []):
        call = item.context_expr
        if isinstance(call, ast.Call) and called_name(call) in (
                "raises", "assertRaises", "assertRaisesRegex", "warns", "assertWarns") and call.args:
            return unparse(call.args[0])
    return None


OPERATORS = {"assertNotEqual": "!= ", "assertIn": "in ", "assertNotIn": "not in ", "assertGreater": "> ",
             "assertGreaterEqual": ">= ", "assertLess": "< ", "assertLessEqual": "<= ", "assertIsNot": "not ",
             "assertIsInstance": "an instance of ", "assertNotIsInstance": "no instance of ", "assertRegex": "a match of ",
             "assertNotRegex": "no match of ", "assertNotAlmostEqual": "!= "}


def values_of(name, local, order):
    """Got and want from the arguments of an assertion method."""
    if name in ("assertTrue", "assert_"):
        return show(local.get("expr")), "a true value"
    if name == "assertFalse":
        return show(local.get("expr")), "a false value"
    if name == "assertIsNone":
        return show(local.get("obj")), "None"
    if name == "assertIsNotNone":
        return "None", "not None"
    names = [n for n in order if n != "self"][:2]
    if len(names) < 2 or not all(n in local for n in names) or names[1] in ("msg", "kwargs", "args"):
        return None
    first, second = show(local[names[0]]), OPERATORS.get(name, "") + show(local[names[1]])
    if name in ("assertRegex", "assertNotRegex"):
        second = OPERATORS[name] + show(getattr(local[names[1]], "pattern", local[names[1]]))
    if names[0] in ("desired", "expected") or names[1] == "actual":
        first, second = second, first
    return first, second


# ---- an exception in words


def message_of(error):
    try:
        return cut(str(error), MESSAGE)
    except KeyboardInterrupt:
        raise
    except BaseException as other:
        return "<%s, whose message raises %s>" % (type(error).__name__, type(other).__name__)


def chain(error):
    seen = []
    while error is not None and error not in seen and len(seen) < 10:
        seen.append(error)
        inner = getattr(error, "exceptions", None)
        if isinstance(inner, tuple) and inner and isinstance(inner[0], BaseException):
            error = inner[0]
        else:
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return seen


def frames_of(error):
    try:
        return [(f.f_code.co_filename, line, f) for f, line in traceback.walk_tb(error.__traceback__)]
    except Exception:
        return []


def describe(error, sources, values=None):
    """A failure: type, message, the test's line, the tested call, got and want, the program's line, the frames between.

    `values` is (operator, left, right), already as text, where the runner knows what an assertion compared.
    """
    out = {"type": type(error).__name__, "message": message_of(error)}
    frames = [(sources.real(path), line, frame) for path, line, frame in frames_of(error)]
    tests = [(p, l, f, i) for i, (p, l, f) in enumerate(frames) if sources.is_test(p)]
    if tests:
        # The last frame in a test file before the program is entered; a callback from the program is the program's affair.
        first = next((i for i, (p, l, f) in enumerate(frames) if p == sources.file), len(frames))
        before = [t for t in tests if t[3] < first] or tests
        path, line, frame, index = before[-1]
        if os.path.basename(path) == "conftest.py" and any(os.path.basename(t[0]) != "conftest.py" for t in before):
            path, line, frame, index = [t for t in before if os.path.basename(t[0]) != "conftest.py"][-1]
        out["testFile"], out["testLine"], out["testSource"] = path, line, sources.text(path, line)
        assertion(out, error, path, line, frame, frames[index + 1:], sources, values)
    program_line(out, error, frames, sources)
    trace = [{"file": p, "line": l, "function": f.f_code.co_name} for p, l, f in frames if sources.inside(p)]
    if trace:
        out["trace"] = trace if len(trace) <= 20 else trace[:10] + trace[-10:]
    return out


def program_line(out, error, frames, sources):
    for one in chain(error):
        if isinstance(one, SyntaxError) and one.filename and sources.real(one.filename) == sources.file:
            out["programLine"], out["column"] = one.lineno, one.offset
            out["type"], out["message"] = type(one).__name__, str(one.msg)
            return
        inside = [l for p, l, f in ((sources.real(p), l, f) for p, l, f in frames_of(one)) if p == sources.file]
        if inside:
            out["programLine"] = inside[-1]
            return


def assertion(out, error, path, line, frame, deeper, sources, values):
    node, around = sources.statement(path, line)
    if node is None:
        return
    call, turned = tested_call(node)
    if call is not None:
        text = unparse(call)
        if text:
            out["call"] = text
    for outer in reversed(around):
        exception = wanted_exception(outer)
        if exception:
            out["want"] = exception
            missing = "DID NOT RAISE" in out["message"] or "not raised" in out["message"]
            out["got"] = "no exception" if missing else out["type"]
            if missing:
                first, _ = tested_call(outer)
                out["call"] = unparse(first) or out.get("call")
            return
    if not isinstance(error, AssertionError):
        return
    pair = None
    if isinstance(node, ast.Assert):
        pair = compared(node, line, frame, values, out["message"])
    else:
        for p, l, f in deeper:
            if f.f_code.co_name.startswith("assert") and "mock" not in p:  # a mock's own message says more
                code = f.f_code
                pair = values_of(code.co_name, f.f_locals, code.co_varnames[:code.co_argcount])
                if pair and code.co_name == "assertRaises":
                    pair = None
                break
    if pair is None and "Expected: " in out["message"] and "Actual: " in out["message"]:
        after = out["message"].split("Expected: ", 1)[1]
        want, got = after.split("Actual: ", 1)
        pair, turned = (cut(got.strip().split("\n")[0], VALUE), cut(want.strip().split("\n")[0], VALUE)), False
    if pair and turned and pair[1].startswith(("in ", "not in ")):
        negated = pair[1].startswith("not ")
        out["got"], out["want"] = pair[1][len("not in " if negated else "in "):], "%s%s in it" % ("no " * negated, pair[0])
    elif pair:
        out["got"], out["want"] = reversed(pair) if turned else pair


def compared(node, line, frame, values, message):
    """What a plain assert compared: from the runner, from our own rewriting, or from names and constants in its frame."""
    test = node.test
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        sign = {ast.Eq: "", ast.Is: "", ast.NotEq: "!= ", ast.Lt: "< ", ast.LtE: "<= ", ast.Gt: "> ", ast.GtE: ">= ",
                ast.In: "in ", ast.NotIn: "not in ", ast.IsNot: "not "}[type(test.ops[0])]
        if values:
            return values[1], sign + values[2]
        local = frame.f_locals
        names = "@coe%d.0" % node.lineno, "@coe%d.1" % node.lineno
        if all(n in local for n in names):
            return show(local[names[0]]), sign + show(local[names[1]])
        sides = [plain(n, frame) for n in (test.left, test.comparators[0])]
        return (show(sides[0][0]), sign + show(sides[1][0])) if all(sides) else None
    negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    first = message.split("\n")[0]
    for line in message.split("\n"):
        if line.startswith("assert "):
            first = line
            break
    if first.startswith("assert ") and not isinstance(test, ast.BoolOp):
        got = first[len("assert not " if negated else "assert "):]
        if " = " not in got:
            return cut(got, VALUE), "a false value" if negated else "a true value"
    known = plain(test.operand if negated else test, frame)
    name = "@coe%d.0" % node.lineno
    if name in frame.f_locals:
        known = [frame.f_locals[name]]
    return (show(known[0]), "a false value" if negated else "a true value") if known else None


def plain(node, frame):
    """[value] of a name or a constant; nothing of the program runs a second time."""
    if isinstance(node, ast.Name):
        for space in (frame.f_locals, frame.f_globals):
            if node.id in space:
                return [space[node.id]]
        return None
    try:
        return [ast.literal_eval(node)]
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
