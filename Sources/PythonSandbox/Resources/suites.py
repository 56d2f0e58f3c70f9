"""Statements, test files and doctests as cases: a name and a body."""
import ast, contextlib, functools, inspect, os, re, sys, types

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_HOOKS = re.compile(r"\bdef (setup_(module|class|function)|teardown_(module|class|function)|setUpModule|tearDownModule)\b")


def parse(source, where):
    try:
        return ast.parse(source, where)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        place = "%s, line %s, column %s" % (where, line, error.offset) if line else where
        raise JUDGE.Unusable("%s: the tests can't be parsed: %s" % (place, getattr(error, "msg", error))) from None


def compiled(tree, where, module, mode="exec"):
    return compile(ast.fix_missing_locations(ASSERTS.Rewriter(module).visit(tree)), where, mode, dont_inherit=True)


def run_code(code, tree, space):
    """Runs a piece of the tests. The body of a class, unlike all other code, looks for names in the space as it is."""
    for c in [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)] if tree else ():
        bodies = [[*n.decorator_list, *n.args.defaults] if isinstance(n, _FUNCTIONS) else [n] for n in c.body]
        for name in {n.id for n in ast.walk(ast.Module(sum(bodies, []), [])) if isinstance(n, ast.Name)} - set(space):
            with contextlib.suppress(KeyError):
                space[name] = space[name]
    exec(code, space)


@functools.lru_cache(4096)
def statement(source, where, module):
    """A statement's code and the names that it reads."""
    tree = parse(source, where)
    return compiled(tree, where, module), words(tree), tree if "class " in source else None


def words(tree):
    names = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id[:5] != "__coe"]
    return {n.id for n in names} - {n.id for n in names if not isinstance(n.ctx, ast.Load)}


class Suite:
    """A job's tests: their names as far as they are known before they run, and the cases."""
    is_short = False

    def __init__(self, run):
        self.owner, self.used, suite = run, set(), run.job["tests"]
        if "statements" in suite:
            cases = self.statements(suite["statements"], "test")
            self.names, self.cases = [name for name, _ in cases], lambda: cases
            self.is_short = len(run.source) < 1000 and all(s.startswith("assert ") for s in suite["statements"])
        elif "source" in suite:
            self.names, self.cases = read_file(self, suite["source"], suite["name"])
        else:
            self.names, self.cases = read_doctests(self, suite["doctests"])
        self.hidden = self.statements(run.job["hiddenTests"], "hidden test")
        if len(self.used) == 1 and self.used <= ASSERTS.RESERVED and "import" not in run.source:
            run.tested = self.used  # a program that is tested under a built-in's name

    def statements(self, sources, where):
        cases = []
        for i, source in enumerate(sources):
            code, used, tree = statement(source, "%s %d" % (where, i + 1), self.owner.module)
            self.used |= used
            cases.append((ASSERTS.title(source), lambda c=code, t=tree: run_code(c, t, self.owner.space)))
        return cases

    def tell(self, outcome):
        self.owner.tell({"at": 0, "outcome": outcome})


# ---- a test file


def _asserts(node):
    return any(isinstance(n, ast.Assert) for n in ast.walk(node))


def _is_runner(node):
    """`unittest.main()`, `pytest.main()` or the `__main__` guard: the judge runs the tests itself."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return ast.unparse(node.value.func) in ("unittest.main", "pytest.main", "sys.exit")
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


def read_file(suite, source, name):
    run, tree = suite.owner, parse(source, name)
    suite.used |= words(tree)
    body = [n for n in tree.body if not _is_runner(n)]
    helpers = {n.name for n in body if isinstance(n, _FUNCTIONS) and n.name[:4] != "test" and _asserts(n)}
    tests = {n for n in body if not isinstance(n, (*_FUNCTIONS, ast.ClassDef)) and (_asserts(n) or any(
        isinstance(c, ast.Call) and isinstance(c.func, ast.Name) and c.func.id in helpers for c in ast.walk(n)))}
    label = lambda n: ASSERTS.title(ast.get_source_segment(source, n) or ast.unparse(n))
    written = []  # (class or None, function) of the functions and methods that are tests
    for n in body:
        written += [(None, n)] if isinstance(n, _FUNCTIONS) and n.name[:4] == "test" else [
            (n, m) for m in n.body if isinstance(m, _FUNCTIONS) and m.name[:4] == "test"] if isinstance(n, ast.ClassDef) else []
    names = [label(n) for n in body if n in tests] + [(c.name + "." if c else "") + f.name for c, f in written]
    if not names:
        raise JUDGE.Unusable("%s: no test found. Tests are top-level asserts, functions named test_…, classes named Test… and "
                             "unittest.TestCase classes." % name)
    stem = os.path.splitext(os.path.basename(name))[0]
    stem = stem if stem.isidentifier() and stem != run.module else "tests"
    run.space.update(__name__=stem, __file__=name)
    sys.modules[stem] = types.SimpleNamespace(__dict__=run.space)

    def cases():
        for n in body:
            execute = lambda: run_code(compiled(ast.Module([n], []), name, run.module), n, run.space)
            if n in tests:
                yield label(n), execute
                continue
            try:
                outcome = run.attempt("set-up: " + label(n), execute)
            except JUDGE.Unusable as error:
                raise JUDGE.Unusable("%s, line %d: %s" % (name, n.lineno, error)) from None
            if outcome["status"] != "passed":
                return suite.tell(outcome)
        for c, f in written:
            value = dict.get(run.space, (c or f).name)
            value = value if c is None else value.__dict__.get(f.name) if issubclass(type(value), type) else None
            if type(value) not in (types.FunctionType, staticmethod, classmethod):
                title = (c.name + "." if c else "") + f.name
                yield title, lambda: THINGS.refuse("%s is not a function any more: the program decorates it" % title)
        if "pytest" in source or any(c is None and f.args.args for c, f in written) or _HOOKS.search(source):
            return run_pytest(suite, name, stem)
        for n in body:
            value = dict.get(run.space, getattr(n, "name", None))
            if (None, n) in written:
                yield n.name, value
            elif isinstance(n, ast.ClassDef) and issubclass(type(value), type):
                if "unittest" in sys.modules and issubclass(value, sys.modules["unittest"].TestCase):
                    yield from run_unittest(sys.modules["unittest"], value)
                elif n.name.startswith("Test"):
                    for m in [m for m in dir(value) if m.startswith("test")]:
                        yield "%s.%s" % (n.name, m), lambda: run_method(value(), m)
    return names, cases


def run_method(instance, name):
    for hook in ("setup_method", name, "teardown_method"):
        function = getattr(instance, hook, None)
        if function is not None:
            function(*[getattr(instance, name)][: 0 if hook == name else len(inspect.signature(function).parameters)])


def run_unittest(unittest, case):
    names = unittest.TestLoader().getTestCaseNames(case)

    def body(method):
        expects = getattr(getattr(case, method), "__unittest_expecting_failure__", False)
        if method == names[0]:
            case.setUpClass()
        try:
            case(method).debug()  # raises what the test raises
        except Exception:
            if not expects:
                raise
        else:
            if expects:
                raise AssertionError("an expected failure did not happen")
        finally:
            if method == names[-1]:
                case.tearDownClass()
                case.doClassCleanups()
    case.assertIs = lambda self, a, b, msg=None: ASSERTS.check_compare(a, "is", b, msg and (lambda: msg))
    case.assertIsNot = lambda self, a, b, msg=None: ASSERTS.check_compare(a, "is not", b, msg and (lambda: msg))
    for method in names:
        yield "%s.%s" % (case.__name__, method), lambda: body(method)


def run_pytest(suite, name, stem):
    """The functions and classes of a file that uses pytest, run by pytest itself."""
    try:
        import pytest
        from _pytest.runner import runtestprotocol
        import tempfile
    except ImportError:
        raise JUDGE.Unusable("%s: the tests need pytest, which the jail does not show" % name) from None
    run, caught, problems = suite.owner, [], []

    class Module(pytest.Module):
        def _getobj(self):  # without the program's objects, which pytest would look into
            view = types.ModuleType(stem)
            view.__dict__.update({n: v for n, v in run.space.items() if not THINGS.is_thing(v)})
            return view

    class Plugin:
        def pytest_collect_file(self, file_path, parent):
            return Module.from_parent(parent, path=file_path)

        def pytest_collectreport(self, report):
            problems.extend([str(report.longrepr)] if report.failed else ())

        def pytest_runtest_makereport(self, item, call):
            caught.extend([call.excinfo.value] if call.excinfo is not None else ())

        def pytest_runtest_protocol(self, item, nextitem):
            def body():
                caught.clear()
                reports = runtestprotocol(item, log=False, nextitem=nextitem)
                if caught and not any(hasattr(r, "wasxfail") and not r.failed for r in reports):
                    raise caught[0]
                if any(r.failed for r in reports):
                    raise AssertionError("an expected failure did not happen")
            title = item.nodeid.split("::", 1)[-1].replace("::", ".")
            suite.tell(run.attempt(title, body, nextitem is None and not suite.hidden))
            return True

    folder = tempfile.mkdtemp(dir=os.getcwd())
    open(path := os.path.join(folder, "tests.py"), "w").close()
    off = [a for n in ("cacheprovider", "faulthandler", "terminal", "logging") for a in ("-p", "no:" + n)]
    code = pytest.main(["-s", "--noconftest", "-c", os.devnull, "--rootdir", folder, *off, path], plugins=[Plugin()])
    if code not in (0, 1, 5):
        raise JUDGE.Unusable("%s: pytest can't run the tests: %s" % (name, "\n".join(problems)[-1000:]))


# ---- doctests


def read_doctests(suite, source):
    """The examples are read from the source, never from the running program."""
    import doctest
    try:
        nodes = [n for n in ast.walk(ast.parse(source)) if isinstance(n, (ast.Module, ast.ClassDef, *_FUNCTIONS))]
        texts = [ast.get_docstring(n) for n in sorted(nodes, key=lambda n: getattr(n, "lineno", 0))]
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # without a tree: every string in three quotes
        texts = [inspect.cleandoc(a or b) for a, b in re.findall(r'"""(.*?)"""|\'\'\'(.*?)\'\'\'', source, re.S)]
    try:
        groups = [doctest.DocTestParser().get_examples(text) for text in texts if text]
    except ValueError as error:
        raise JUDGE.Unusable("the doctests can't be read: %s" % error) from None
    if not any(groups):
        raise JUDGE.Unusable("the program has no doctests, and no other tests were given")
    run, is_test = suite.owner, lambda e: e.want or e.exc_msg
    run.source = "\n".join(e.source for group in groups for e in group)

    def cases():
        for group in groups:
            begin = set(run.space)
            for e in group:
                if is_test(e):
                    yield ASSERTS.title(e.source), lambda: check_example(suite, e)
                elif (outcome := run.attempt(ASSERTS.title(e.source), lambda: check_example(suite, e)))["status"] != "passed":
                    suite.tell(outcome)
            for name in set(run.space) - begin:
                del run.space[name]
    return [ASSERTS.title(e.source) for group in groups for e in group if is_test(e)], cases


def check_example(suite, example):
    import doctest

    class Runner(doctest.DocTestRunner):
        def report_failure(self, out, test, example, got):
            want = example.want or example.exc_msg or ""
            problems.append(ASSERTS.Failed(*(ASSERTS.shorten(t.strip()) or "nothing" for t in (got, want))))

        def report_unexpected_exception(self, out, test, example, info):
            problems.append(info[1])
    problems, test = [], doctest.DocTest([example], {}, "the program", None, 0, "")
    test.globs = suite.owner.space
    Runner(verbose=False).run(test, out=lambda text: None, clear_globs=False)
    if problems:
        raise problems[0]
