"""Test files and doctests, run by the judge in a fork of its own."""
import ast, builtins, contextlib, inspect, io, os, re, sys, types


class Plan:
    """A suite that is ready to run: the names of its tests as far as they are known, and what it imports."""

    def __init__(self, names, imports, run, mentioned=()):
        self.names, self.imports, self.run, self.mentioned = names, imports, run, mentioned


def plan(run, job):
    suite = job["tests"]
    if "source" in suite:
        return plan_file(job, suite["source"], suite["name"])
    return plan_doctests(job)


def _parse(source, name):
    try:
        return ast.parse(source, name)
    except (SyntaxError, ValueError) as error:
        line, column = getattr(error, "lineno", None), getattr(error, "offset", None)
        where = "%s, line %s, column %s" % (name, line, column) if line else name
        raise JUDGE.Unusable("%s: the tests can't be parsed: %s" % (where, getattr(error, "msg", error))) from None


class ProgramModule(types.ModuleType):
    """`import program`: attributes are the program's."""

    def __init__(self, run):
        super().__init__(run.job["moduleName"])
        self.__dict__["_coe_run"] = run

    def __getattr__(self, name):
        run = self.__dict__["_coe_run"]
        if name == "__all__":
            return [n for n, _, _ in run.names if not n.startswith("_")]
        for n, kind, module in run.names:
            if n == name and kind == "module" and module in PEER._PURE_MODULES:
                return __import__(module)
        return run.peer.request("name", name)

    def __setattr__(self, name, value):
        peer = self.__dict__["_coe_run"].peer
        peer.request("set_name", name, peer.encode(value))

    def __delattr__(self, name):
        self.__dict__["_coe_run"].peer.request("delete_name", name)

    def __dir__(self):
        return [n for n, _, _ in self.__dict__["_coe_run"].names]


# ---- a test file


def _holds_assert(node):
    return any(isinstance(n, ast.Assert) for n in ast.walk(node))


def _is_runner(node):
    """`unittest.main()`, `pytest.main()` or the `__main__` guard: the judge runs the tests itself."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return ast.unparse(node.value.func) in ("unittest.main", "pytest.main", "doctest.testmod", "sys.exit")
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


def plan_file(job, source, name):
    tree = _parse(source, name)
    helpers = {n.name for n in tree.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("test")
               and _holds_assert(n)}

    def is_test(node):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or _is_runner(node):
            return False
        if _holds_assert(node):
            return True
        return any(isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id in helpers for n in ast.walk(node))

    names = []
    for node in tree.body:
        if is_test(node):
            names.append(JUDGE._title(ast.get_source_segment(source, node) or ast.unparse(node)))
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test"):
            names.append(node.name)
        elif isinstance(node, ast.ClassDef):
            names += [node.name + "." + n.name for n in node.body
                      if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)) and n.name.startswith("test")]
    if not names:
        raise JUDGE.Unusable("%s: no test found. Tests are top-level asserts, functions named test_…, classes named Test… "
                             "and unittest.TestCase classes." % name)
    return Plan(names, JUDGE._imports(tree), lambda run, hidden: File(run, source, name, tree, is_test).run(hidden),
                JUDGE._names(tree)[0])


class File:
    def __init__(self, run, source, name, tree, is_test):
        self.judge_run, self.source, self.name, self.tree, self.is_test = run, source, name, tree, is_test
        self.outcomes = []

    def run(self, hidden):
        run = self.judge_run
        module_name = os.path.splitext(os.path.basename(self.name))[0]
        if module_name == run.job["moduleName"] or not module_name.isidentifier():
            module_name = "tests"
        self.session = JUDGE.Session(run, *JUDGE._names(self.tree), module_name)
        self.space = self.session.space
        self.space["__file__"] = self.name
        module = types.ModuleType(module_name)
        sys.modules[module_name] = module
        sys.modules[run.job["moduleName"]] = ProgramModule(run)
        self.session.use()
        if not self.top_level():
            return self.outcomes, self.rest(hidden)
        module.__dict__.update(self.space)
        cases = list(self.cases())
        for i, (name, call) in enumerate(cases):
            self.one(name, call, last=i == len(cases) - 1 and not hidden)
        if not self.outcomes:
            raise JUDGE.Unusable("%s: no test found." % self.name)
        out = []
        for i, test in enumerate(hidden):
            out.append(run.attempt(test.name, lambda: self.statement(test), last=i == len(hidden) - 1))
        return self.outcomes, out

    def rest(self, hidden):
        return [{"name": t.name, "status": "notRun", "message": "not run: the tests' set-up failed"} for t in hidden]

    def statement(self, test):
        self.session.use(test.names)
        exec(test.code, self.space)

    def one(self, name, call, last):
        before = len(self.outcomes)

        def body():
            self.session.use()
            call()
        try:
            outcome = self.judge_run.attempt(name, body, last)
        except JUDGE.Unusable as error:
            raise JUDGE.Unusable("%s: %s" % (self.name, error)) from None
        del self.outcomes[before:]
        self.outcomes.append(outcome)

    def top_level(self):
        """Runs the file's statements in order; those that assert are tests. False when the set-up failed."""
        body = self.tree.body
        for node in body:
            if _is_runner(node):
                continue
            test = self.is_test(node)
            source = ast.get_source_segment(self.source, node) or ast.unparse(node)
            title = JUDGE._title(source)
            tree = ast.fix_missing_locations(JUDGE.AssertRewriter().visit(ast.Module([node], [])))
            code = compile(tree, self.name, "exec", dont_inherit=True)

            def execute():
                exec(code, self.space)
            if test:
                self.one(title, execute, last=False)
                continue
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                execute = self.importer(node, execute)
            try:
                outcome = self.judge_run.attempt(title, execute, last=False)
            except JUDGE.Unusable as error:
                raise JUDGE.Unusable("%s, line %d: %s" % (self.name, node.lineno, error)) from None
            if outcome["status"] != "passed":
                if outcome["status"] == "error" and outcome.get("line") is None and outcome.get("errorType") == "ImportError":
                    outcome["message"] = outcome["errorMessage"]
                outcome["name"] = "set-up: " + title
                self.outcomes.append(outcome)
                return False
        return True

    def importer(self, node, execute):
        module = self.judge_run.job["moduleName"]

        def execute_import():
            if isinstance(node, ast.ImportFrom) and (node.level and not node.module or node.module == module):
                program = sys.modules[module]
                for alias in node.names:
                    if alias.name == "*":
                        continue
                    if alias.name not in [n for n, _, _ in self.judge_run.names]:
                        raise ImportError("the program has no name %r" % alias.name, name=module)
                    self.space[alias.asname or alias.name] = getattr(program, alias.name)
                return
            execute()
        return execute_import

    # -- the cases

    def cases(self):
        unittest = sys.modules.get("unittest")
        for name, value in list(self.space.items()):
            if isinstance(value, types.FunctionType) and name.startswith("test"):
                yield from self.function(name, value, None)
            elif isinstance(value, type) and not isinstance(value, PEER.RemoteMeta):
                if unittest is not None and issubclass(value, unittest.TestCase):
                    if value.__module__ == self.space["__name__"]:
                        yield from self.test_case(unittest, value)
                elif name.startswith("Test") and value.__module__ == self.space["__name__"]:
                    for method in [n for n in dir(value) if n.startswith("test")]:
                        yield from self.function(name + "." + method, getattr(value, method), value)

    def function(self, name, function, owner):
        """A test function, once for each set of its parameters."""
        marks = [m for m in getattr(function, "pytestmark", [])]
        if owner is not None:
            own = getattr(owner, "pytestmark", [])
            marks += own if isinstance(own, list) else [own]
        expected = None
        for mark in marks:
            if mark.name == "skip":
                yield name, self.skipped(mark.kwargs.get("reason", ""))
                return
            if mark.name == "skipif" and mark.args and mark.args[0]:
                yield name, self.skipped(mark.kwargs.get("reason", ""))
                return
            if mark.name == "xfail":
                expected = mark
        sets = [("", {})]
        for mark in marks:
            if mark.name != "parametrize":
                continue
            names = mark.args[0] if mark.args else mark.kwargs["argnames"]
            values = mark.args[1] if len(mark.args) > 1 else mark.kwargs["argvalues"]
            names = [n.strip() for n in names.split(",")] if isinstance(names, str) else list(names)
            more = []
            for value in list(values):
                given = getattr(value, "values", value) if type(value).__name__ == "ParameterSet" else value
                given = (given,) if len(names) == 1 and type(value).__name__ != "ParameterSet" else given
                label = "-".join(JUDGE._shorten(JUDGE.show(v), 40) for v in given)
                more.append((label, dict(zip(names, given))))
            sets = [(a + "-" + b if a else b, {**x, **y}) for a, x in sets for b, y in more]
        for label, arguments in sets:
            title = JUDGE._shorten("%s[%s]" % (name, label) if label else name, 200)
            yield title, lambda arguments=arguments: self.call(function, owner, arguments)

    def skipped(self, reason):
        def call():
            raise Skipped(reason)
        return call

    def call(self, function, owner, arguments):
        with contextlib.ExitStack() as stack:
            instance = owner() if owner is not None else None
            known = {}
            for hook, target in (("setup_method", instance), ("setup", instance)):
                if instance is not None and hasattr(target, hook):
                    method = getattr(target, hook)
                    method(function) if hook == "setup_method" and len(inspect.signature(method).parameters) else method()
            if instance is not None and hasattr(instance, "teardown_method"):
                method = instance.teardown_method
                stack.callback(lambda: method(function) if len(inspect.signature(method).parameters) else method())
            for name, fixture in self.fixtures().items():
                if fixture[1]:
                    self.fixture(name, stack, known, instance)
            parameters = list(inspect.signature(function).parameters)[1 if owner is not None else 0:]
            for name in parameters:
                if name not in arguments:
                    parameter = inspect.signature(function).parameters[name]
                    if parameter.default is not inspect.Parameter.empty or parameter.kind in (
                            inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
                        continue
                    arguments = {**arguments, name: self.fixture(name, stack, known, instance)}
            bound = function if owner is None else function.__get__(instance)
            result = bound(**arguments)
            if inspect.iscoroutine(result):
                import asyncio
                asyncio.run(result)

    def fixtures(self):
        """name -> (function, autouse) of the fixtures defined in the file."""
        out = {}
        for name, value in self.space.items():
            marker = getattr(value, "_pytestfixturefunction", None) or getattr(value, "_fixture_function_marker", None)
            if marker is None or isinstance(value, PEER.Remote):
                continue
            function = getattr(value, "_fixture_function", None) or getattr(value, "__wrapped__", None)
            wrapped = getattr(value, "__pytest_wrapped__", None)
            function = getattr(wrapped, "obj", function)
            out[getattr(marker, "name", None) or name] = (function, getattr(marker, "autouse", False), marker)
        return out

    def fixture(self, name, stack, known, instance):
        if name in known:
            return known[name]
        own = self.fixtures().get(name)
        if own is None:
            known[name] = self.builtin_fixture(name, stack)
            return known[name]
        function = own[0]
        arguments = {n: self.fixture(n, stack, known, instance) for n in inspect.signature(function).parameters}
        value = function(**arguments)
        if inspect.isgenerator(value):
            generator, value = value, next(value)
            stack.callback(lambda: next(generator, None))
        known[name] = value
        return value

    def builtin_fixture(self, name, stack):
        if name == "tmp_path":
            import pathlib, tempfile
            return pathlib.Path(tempfile.mkdtemp())
        if name == "monkeypatch":
            import pytest
            patch = pytest.MonkeyPatch()
            stack.callback(patch.undo)
            return patch
        if name == "capsys":
            capture = Capture()
            stack.enter_context(capture)
            return capture
        raise JUDGE.Unusable("a test asks for the fixture %r, which the file does not define" % name)

    def test_case(self, unittest, case):
        loader = unittest.TestLoader()
        names = loader.getTestCaseNames(case)
        for i, method in enumerate(names):
            yield "%s.%s" % (case.__name__, method), self.method(unittest, case, method, i == 0, i == len(names) - 1)

    def method(self, unittest, case, method, first, last):
        def call():
            if first:
                case._coe_setup_error = None
                try:
                    case.setUpClass()
                except BaseException as error:
                    case._coe_setup_error = error
                    raise
            if case._coe_setup_error is not None:
                raise case._coe_setup_error
            result = _Result(unittest)
            try:
                case(method).run(result.result)
            finally:
                if last:
                    case.tearDownClass()
                    case.doClassCleanups()
            if result.error is not None:
                raise result.error
            if result.skipped is not None:
                raise Skipped(result.skipped)
        return call


class Skipped(Exception):
    """The test asked not to be run."""


class _Result:
    """Keeps the first failure of one unittest test."""

    def __init__(self, unittest):
        outer = self
        self.error = self.skipped = None

        class Result(unittest.TestResult):
            def _keep(self, error):
                outer.error = outer.error or error[1]

            def addError(self, test, error):
                self._keep(error)

            def addFailure(self, test, error):
                self._keep(error)

            def addSubTest(self, test, subtest, error):
                if error is not None:
                    self._keep(error)

            def addSkip(self, test, reason):
                outer.skipped = reason

            def addExpectedFailure(self, test, error):
                pass

            def addUnexpectedSuccess(self, test):
                outer.error = AssertionError("an expected failure did not happen")

        self.result = Result()


class Capture:
    """A small capsys."""

    def __enter__(self):
        self.saved = sys.stdout, sys.stderr
        self._fresh()
        return self

    def __exit__(self, *_):
        sys.stdout, sys.stderr = self.saved

    def _fresh(self):
        sys.stdout, sys.stderr = io.StringIO(), io.StringIO()

    def readouterr(self):
        import collections
        both = sys.stdout.getvalue(), sys.stderr.getvalue()
        self._fresh()
        return collections.namedtuple("CaptureResult", "out err")(*both)


# ---- doctests


def plan_doctests(job):
    """The examples are read from the source, never from the running program."""
    import doctest
    source = job["tests"]["doctests"]
    tests, parser = [], doctest.DocTestParser()

    def add(text, path):
        try:
            examples = parser.get_examples(text, path or "the program")
        except ValueError as error:
            raise JUDGE.Unusable("the doctests can't be read: %s" % error) from None
        if examples:
            tests.append((path or "module", examples))

    def visit(node, path):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node, clean=True)
            if text:
                add(text, path)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                visit(child, (path + "." if path else "") + child.name)

    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # Without a tree: every string in three quotes.
        for match in re.finditer(r'"""(.*?)"""|\'\'\'(.*?)\'\'\'', source, re.S):
            add(inspect.cleandoc(match.group(1) or match.group(2) or ""), "")
    else:
        visit(tree, "")
    if not tests:
        raise JUDGE.Unusable("the program has no doctests, and no other tests were given")
    names = [JUDGE._title(e.source) for _, examples in tests for e in examples if e.want or e.exc_msg]
    return Plan(names, ["doctest"], lambda run, hidden: run_doctests(run, tests, hidden))


def run_doctests(run, tests, hidden):
    import doctest
    outcomes = []
    checker = doctest.OutputChecker()
    for where, examples in tests:
        trees = []
        for example in examples:
            with contextlib.suppress(SyntaxError, ValueError):
                trees.append(ast.parse(example.source))
        session = JUDGE.Session(run, *JUDGE._names(ast.Module(trees, [])))
        for i, example in enumerate(examples):
            def body(example=example):
                session.use()
                check_example(session.space, example, checker, doctest)
            outcome = run.attempt(JUDGE._title(example.source), body, last=False)
            if example.want or example.exc_msg or outcome["status"] != "passed":
                outcomes.append(outcome)
    return outcomes, JUDGE.session_of_statements(run, [], hidden)[1]


def check_example(space, example, checker, doctest):
    flags = 0
    for flag, on in example.options.items():
        flags = flags | flag if on else flags & ~flag
    if flags & doctest.SKIP:
        return
    code = compile(example.source, "<doctest>", "single", dont_inherit=True)
    spoof, saved = io.StringIO(), (sys.stdout, sys.displayhook)
    sys.stdout, sys.displayhook = spoof, sys.__displayhook__
    error = None
    try:
        exec(code, space)
    except (PEER.Stopped, PEER.PeerGone):
        raise
    except BaseException as caught:
        error = caught
    finally:
        sys.stdout, sys.displayhook = saved
        builtins.__dict__.pop("_", None)
    got = spoof.getvalue()
    if error is not None:
        if example.exc_msg is None:
            raise error
        import traceback
        text = traceback.format_exception_only(type(error), error)[-1]
        said = text.split(":", 1)[0].rsplit(".", 1)[-1] + (":" + text.split(":", 1)[1] if ":" in text else "")
        wanted = example.exc_msg
        wanted = wanted.split(":", 1)[0].rsplit(".", 1)[-1] + (":" + wanted.split(":", 1)[1] if ":" in wanted else "")
        if not (checker.check_output(wanted, said, flags) or flags & doctest.IGNORE_EXCEPTION_DETAIL
                and wanted.split(":", 1)[0].strip() == said.split(":", 1)[0].strip()):
            raise JUDGE.Failed("got %s, want %s" % (said.strip(), wanted.strip()), JUDGE._shorten(said.strip()),
                               JUDGE._shorten(wanted.strip()))
        return
    if example.exc_msg is not None:
        raise JUDGE.Failed("got no exception, want %s" % example.exc_msg.strip(), "no exception", example.exc_msg.strip())
    if not checker.check_output(example.want, got, flags):
        a, b = JUDGE._shorten(got.strip()) or "nothing", JUDGE._shorten(example.want.strip()) or "nothing"
        raise JUDGE.Failed("got %s, want %s" % (a, b), a, b)
