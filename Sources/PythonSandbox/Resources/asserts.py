"""What the tests' own code runs with: asserts that show their values, and the names that a test may use."""
import ast, builtins, re, sys

MODULES = ("math cmath string itertools functools collections operator re random heapq bisect copy statistics json datetime "
           "decimal fractions typing numbers textwrap sys os time numpy pandas").split()
ALIASES = {"np": "numpy", "pd": "pandas"}
CONTAINERS = {t.__name__: t for t in WIRE.TYPES.values() if t.__module__ in ("collections", "decimal", "fractions")}
RESERVED = {*vars(builtins), *CONTAINERS}
# What a test may not use, by name: it would happen in this process and not in the program's.
REFUSED = {name: reason for reason, names in {
    "asynchronous code": "async await asyncio IsolatedAsyncioTestCase AsyncMock",
    "logging": "logging caplog assertLogs assertNoLogs", "another folder": "chdir", "standard input or arguments": "stdin argv",
    "warnings": "warns assertWarns assertWarnsRegex catch_warnings recwarn deprecated_call",
    "processes": "subprocess multiprocessing ProcessPoolExecutor fork", "data class functions": "asdict astuple is_dataclass",
    "patching": "create_autospec mock_open",
    "the interpreter's own state": "getsource getsourcelines getsourcefile getrefcount getsizeof settrace setprofile reload "
    "setrecursionlimit tracemalloc getcontext localcontext setcontext setlocale freeze_time testmod set_int_max_str_digits",
}.items() for name in names.split()}
_PATCH = re.compile(r"\bpatch(\.\w+)?\(|\.(setattr|delattr|setitem|delitem|syspath_prepend)\(")
_PATCH_ALLOWED = re.compile(r"""\s*(["']builtins\.input["']|builtins,\s*["']input["']|["']?os\.environ\b)""")
_OPERATORS = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Is: "is",
              ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in"}
_COMPARE = {
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "is": lambda a, b: THINGS.identical(a, b),
    "is not": lambda a, b: not THINGS.identical(a, b), "in": lambda a, b: a in b, "not in": lambda a, b: a not in b}
_WANT = {"==": "%s", "is": "%s", "!=": "anything but %s", "is not": "anything but %s", "in": "one of %s", "not in": "none of %s"}


class Failed(AssertionError):
    """An assert that did not hold, with the values that it compared."""

    def __init__(self, got, want, message=None):
        note = "" if message is None else ": %s" % shorten(str(message()), 200)
        super().__init__("got %s, want %s%s" % (got, want, note))
        self.got, self.want = got, want


def shorten(text, length=160):
    return text if len(text) <= length else text[: length - 20] + "…" + text[-19:]


def title(source):
    text = " ".join(source.split())
    return text if len(text) <= 100 else text[:99] + "…"


def show(value):
    """A short, deterministic text for a value."""
    THINGS.LINE.showing = True
    try:
        text = repr(value)
    except Exception:
        text = "<%s object>" % type(value).__name__
    finally:
        THINGS.LINE.showing = False
    return shorten(re.sub(r" at 0x[0-9a-f]+", "", text if len(text) < 4096 else text[:2048] + text[-2048:]))


def check_compare(left, op, right, message=None):
    if not _COMPARE[op](left, right):
        raise Failed(show(left), _WANT.get(op, "a value " + op + " %s") % show(right), message)


def check_true(value, negated, message):
    if bool(value) is negated:
        want = str(not negated) if type(value) is bool else "a false value" if negated else "a true value"
        raise Failed(show(value), want, message)


def refusal(source, program, tested):
    """What the tests need that is not to be had here, or None."""
    code = re.sub(r"#.*", "", source)
    if re.search(r"\b__file__\b", program):
        return "the program needs its own file: __file__"
    if "import" not in code or re.search(r"\bfrom +\w+ +import +\*", code):
        own = {*re.findall(r"^(?:def|class) +(\w+)", program, re.M)} & {*vars(builtins)} & _names(source, "") - tested
        if own:
            return "the program has its own %s" % min(own)
    for place in [m for m in _PATCH.finditer(code) if not _PATCH_ALLOWED.match(code, m.end())][:1]:
        return "the test needs patching: %s" % place[0].strip(".(")
    if "random" in program and re.search(r"\brandom\.(seed|setstate)\b", code):
        return "the test needs the program's random numbers"
    if re.search(r"\bdataclasses(\.| +import\b.*)\b(replace|fields)\b", code):
        return "the test needs data class functions"
    word = min(_names(source, program) & {*REFUSED}, default=None)
    return word and "the test needs %s: %s" % (REFUSED[word], word)


def _names(source, program):
    """The names that the tests use; an attribute that the program defines is the program's, unless a module has it."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set(re.findall(r"[^\W\d]\w*", source))
    own, found = {*re.findall(r"\b(?:def|class) +(\w+)", program)}, set()
    for n in ast.walk(tree):
        if isinstance(n, (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)):
            found.add("async")
        if isinstance(n, ast.Attribute):
            library = isinstance(n.value, ast.Name) and n.value.id in sys.stdlib_module_names
            found |= {n.attr} if library or n.attr not in own else set()
        elif isinstance(n, ast.Name):
            found |= {n.id} - own
        elif isinstance(n, ast.arg):
            found.add(n.arg)
        elif isinstance(n, (ast.Import, ast.ImportFrom)):
            found |= {part for a in n.names for part in a.name.split(".")} | {*(getattr(n, "module", None) or "").split(".")}
    return found


class Rewriter(ast.NodeTransformer):
    """Asserts keep the values that they compare; `is` and `type` know things; imports of the program need no folder."""

    def __init__(self, module):
        self.module = module

    def call(self, node, name, *arguments):
        return ast.copy_location(ast.Call(ast.Name(name, ast.Load()), list(arguments), []), node)

    def visit_Assert(self, node):
        test, message = node.test, ast.Constant(None)
        if node.msg is not None:
            message = ast.Lambda(ast.arguments([], [], None, [], [], None, []), node.msg)
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            name, parts = "__coe_compare__", [test.left, ast.Constant(_OPERATORS[type(test.ops[0])]), test.comparators[0]]
        else:
            negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
            name, parts = "__coe_true__", [test.operand if negated else test, ast.Constant(negated)]
        return ast.copy_location(ast.Expr(self.call(node, name, *map(self.visit, [*parts, message]))), node)

    def visit_Compare(self, node):
        self.generic_visit(node)
        if len(node.ops) > 1 or not isinstance(node.ops[0], (ast.Is, ast.IsNot)):
            return node
        call = self.call(node, "__coe_is__", node.left, node.comparators[0])
        return call if isinstance(node.ops[0], ast.Is) else ast.copy_location(ast.UnaryOp(ast.Not(), call), node)

    def visit_Call(self, node):
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "type" and len(node.args) == 1:
            node.func.id = "__coe_type__"
        if isinstance(node.func, ast.Name) and node.func.id == "isinstance" and len(node.args) == 2:
            node.func.id = "__coe_isinstance__"
        return node

    def visit_Attribute(self, node):
        self.generic_visit(node)
        if node.attr == "__class__" and isinstance(node.ctx, ast.Load):
            return self.call(node, "__coe_type__", node.value)
        return node

    def visit_ImportFrom(self, node):
        if node.level or node.module == self.module:
            if node.names[0].name == "*" or not node.module:
                return ast.copy_location(ast.Pass() if node.module else ast.Import(node.names), node)
            node.level = 0
        return node


class Space(dict):
    """The tests' names; one that they did not make is the program's, but built-ins and library names are not."""

    def __init__(self, run):
        super().__init__(__name__="tests", __builtins__=builtins, __coe_compare__=check_compare, __coe_true__=check_true,
                         __coe_is__=THINGS.identical, __coe_type__=THINGS.type_of,
                         __coe_isinstance__=THINGS.is_instance)
        self.run = run

    def __missing__(self, name):
        run, module = self.run, ALIASES.get(name, name)
        if name in RESERVED - run.tested:
            if name not in CONTAINERS or run.line is None:
                raise KeyError(name)
            if run.line.request("name", run.line.module, name)[:1] not in ((), (CONTAINERS[name],)):
                THINGS.refuse("the program has its own %s" % name)
            return CONTAINERS[name]
        if module in MODULES and not re.search(r"\b%s\s*\(" % name, run.source):
            return __import__(module)
        found = run.found.pop(name, None) or run.line.request("name", run.line.module, name) if run.line is not None else ()
        if not found:
            raise KeyError(name)
        value = __import__(found[1]) if len(found) > 1 and found[1] in MODULES else found[0]
        if type(value) in (THINGS.CallableThing, THINGS.ClassThing):
            self[name] = value  # other values may change with every call
        return value
