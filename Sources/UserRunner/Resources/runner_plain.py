"""unittest, doctest, plain scripts and other commands as the judge. All of it runs in a job's process."""
import ast, builtins, os, re, signal, subprocess, sys, types
import coe_runner_report as words


# ---- unittest


def unittest_argument(test):
    """`tests/test_x.py::Case::test_y` in unittest's form; a file stays a file."""
    if "::" in test:
        path, *names = test.split("::")
        if path.endswith(".py"):
            path = path[:-3]
        return ".".join([os.path.normpath(path).replace(os.sep, ".")] + names)
    return test


def run_unittest(server, start):
    import unittest
    log, sources = server.log, server.sources

    class Result(unittest.TextTestResult):
        def startTest(self, test):
            log.write("running", id=test.id())
            super().startTest(test)

        def note(self, test, outcome, error=None, message=None, name=None):
            details = {"phase": "call"}
            if type(test).__name__ == "_ErrorHolder":
                details["phase"] = "setup" if test.id().startswith("setUp") else "teardown"
            if error is not None:
                details.update(words.describe(error[1], sources))
                if type(test).__name__ == "_FailedTest":
                    details["phase"] = "collect"
                    from_text(details, str(error[1]), sources)
                elif any(f.f_code.co_name in ("setUp", "asyncSetUp") for _, _, f in words.frames_of(error[1])
                         if sources.is_test(sources.real(f.f_code.co_filename))) and outcome == "error":
                    details["phase"] = "setup"
            elif message is not None:
                details["message"] = words.cut(str(message), words.MESSAGE)
            log.write("test", id=name or test.id(), outcome=outcome, **details)

        def addSuccess(self, test):
            self.note(test, "passed")
            super().addSuccess(test)

        def addFailure(self, test, err):
            self.note(test, "failed", err)
            super().addFailure(test, err)

        def addError(self, test, err):
            self.note(test, "error", err)
            super().addError(test, err)

        def addSkip(self, test, reason):
            self.note(test, "skipped", message=reason)
            super().addSkip(test, reason)

        def addExpectedFailure(self, test, err):
            self.note(test, "xfailed", message=err[1])
            super().addExpectedFailure(test, err)

        def addUnexpectedSuccess(self, test):
            self.note(test, "xpassed", message="the test is marked as an expected failure, and it passes")
            super().addUnexpectedSuccess(test)

        def addSubTest(self, test, subtest, err):
            if err is not None:
                outcome = "failed" if issubclass(err[0], test.failureException) else "error"
                self.note(subtest, outcome, err)
            super().addSubTest(test, subtest, err)

        def stopTestRun(self):
            super().stopTestRun()
            log.write("ran", count=self.testsRun)

    class Runner(unittest.TextTestRunner):
        resultclass = Result

        def run(self, test):
            server.note_loaded()
            return super().run(test)

    tests = start["tests"]
    if len(tests) == 1 and os.path.isdir(tests[0]):
        arguments = ["discover", "-s", tests[0]]
        if os.path.exists(os.path.join(tests[0], "__init__.py")):
            arguments += ["-t", "."]
    else:
        arguments = [unittest_argument(t) for t in tests]
    server.become_main("unittest.__main__", os.path.join(os.path.dirname(unittest.__file__), "__main__.py"),
                       [os.path.basename(sys.executable) + " -m unittest"] + arguments)
    sys.modules["__main__"].__unittest = True
    try:
        unittest.main(module=None, argv=sys.argv, testRunner=Runner)
    except SystemExit as error:
        return exit_code(error)
    except BaseException as error:
        return raised(error, server, tests[0])


def from_text(details, text, sources):
    """unittest keeps of a failed import only its traceback's text: FILE's line and the last line are read from there."""
    places = re.findall(r'File "([^"]+)", line (\d+)', text)
    lines = text.rstrip().split("\n")
    last = lines[-1]
    match = re.match(r"(?:[\w.]*\.)?(\w+)(?:: (.*))?$", last)
    if match:
        details["type"], details["message"] = match.group(1), match.group(2) or ""
    inside = [int(n) for p, n in places if sources.real(p) == sources.file]
    tests = [(p, int(n)) for p, n in places if sources.is_test(sources.real(p))]
    if tests:
        details["testFile"], details["testLine"] = sources.real(tests[-1][0]), tests[-1][1]
        details["testSource"] = sources.text(*tests[-1])
    if inside:
        details["programLine"] = inside[-1]
    elif details["type"] in ("SyntaxError", "IndentationError", "TabError"):
        details["unusable"] = True
    elif details["type"] == "ModuleNotFoundError":
        stem = os.path.splitext(os.path.basename(sources.file))[0]
        named = re.search(r"No module named '([^']+)'", last)
        details["unusable"] = bool(named) and stem not in named.group(1).split(".")


def raised(error, server, name):
    """The runner itself ended by an exception, as with a syntax error in a test module: exit code 1."""
    if isinstance(error, KeyboardInterrupt):
        server.log.write("test", id=name, outcome="error", phase="collect", type="KeyboardInterrupt", message="interrupted")
        return 130
    import traceback
    traceback.print_exception(type(error), error, error.__traceback__)
    import coe_runner_pytest as pytests
    details = words.describe(error, server.sources)
    if isinstance(error, SyntaxError) and "programLine" not in details and error.filename:
        details["testFile"], details["testLine"] = server.sources.real(error.filename), error.lineno
    details["unusable"] = pytests.blames_tests(error, details, server.sources)
    server.log.write("test", id=name, outcome="error", phase="collect", **details)
    return 1


def exit_code(error):
    """The process's exit code after `SystemExit`, as the interpreter computes it."""
    code = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    sys.stderr.write(str(code) + "\n")
    return 1


# ---- doctest


def run_doctest(server, start):
    import doctest
    log, sources = server.log, server.sources

    class Runner(doctest.DocTestRunner):
        def name(self, test, example):
            line = (test.lineno or 0) + example.lineno + 1
            return "%s[%d]" % (test.name, line), {"testFile": test.filename, "testLine": line,
                                                  "testSource": example.source.strip().split("\n")[0]}

        def report_start(self, out, test, example):
            self.example = example
            log.write("running", id=self.name(test, example)[0])
            super().report_start(out, test, example)

        def report_success(self, out, test, example, got):
            log.write("test", id=self.name(test, example)[0], outcome="passed", phase="call")
            super().report_success(out, test, example, got)

        def report_failure(self, out, test, example, got):
            name, details = self.name(test, example)
            got, want = words.cut(got.rstrip("\n"), words.VALUE), words.cut(example.want.rstrip("\n"), words.VALUE)
            log.write("test", id=name, outcome="failed", phase="call", message="got %s, want %s" % (got or "nothing", want or "nothing"),
                      call=words.cut(example.source.strip(), words.VALUE), got=got, want=want, type="DocTestFailure", **details)
            super().report_failure(out, test, example, got + "\n" if got else "")

        def report_unexpected_exception(self, out, test, example, exc_info):
            name, details = self.name(test, example)
            found = words.describe(exc_info[1], sources)
            found.update(details, call=words.cut(example.source.strip(), words.VALUE))
            if example.want.strip():
                found["want"] = words.cut(example.want.strip(), words.VALUE)
                found["got"] = found["type"]
            log.write("test", id=name, outcome="failed", phase="call", **found)
            super().report_unexpected_exception(out, test, example, exc_info)

    doctest.DocTestRunner = Runner
    server.become_main("doctest", doctest.__file__, [doctest.__file__] + start["tests"])
    total = failed = 0
    for path in start["tests"]:
        try:
            if path.endswith(".py"):
                module = import_for_doctest(path)
                server.note_loaded()
                result = doctest.testmod(module)
            else:
                result = doctest.testfile(path, module_relative=False)
        except SystemExit as error:
            return exit_code(error)
        except BaseException as error:
            return raised(error, server, path)
        total += result.attempted
        if result.failed:
            failed = 1
            break
    log.write("ran", count=total)
    return failed


def import_for_doctest(path):
    """As `python -m doctest FILE`; a module that imports relatively is imported as part of its package instead."""
    folder, name = os.path.split(path)
    parts = [name[:-3]]
    with open(path, "rb") as source:
        text = source.read()
    if re.search(rb"^\s*from\s+\.", text, re.M):
        while folder and os.path.exists(os.path.join(folder, "__init__.py")):
            folder, package = os.path.split(os.path.abspath(folder))
            parts.insert(0, package)
    sys.path.insert(0, folder)
    try:
        if len(parts) > 1:
            import importlib
            return importlib.import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
        return __import__(name[:-3])
    finally:
        del sys.path[0]


# ---- a file with plain asserts


def run_scripts(server, start):
    """Each file as `python FILE` would run it; several files in a process each."""
    tests = start["tests"]
    if len(tests) == 1:
        return run_script(server, tests[0])
    worst = 0
    for path in tests:
        pid = os.fork()
        if pid == 0:
            server.log.own()
            code = run_script(server, path, prefix=path + ": ")
            server.finish(code)
        status = os.waitpid(pid, 0)[1]
        server.log.own()
        if os.WIFSIGNALED(status):
            server.log.write("ended", signal=os.WTERMSIG(status))
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1
        worst = worst or code
    return worst


def run_script(server, path, prefix=""):
    log, sources = server.log, server.sources
    server.become_main(None, path, [path])
    sys.path[0] = os.path.dirname(os.path.realpath(path))
    space = sys.modules["__main__"].__dict__
    try:
        with open(path, "rb") as source:
            text = source.read()
        compile(text, path, "exec", dont_inherit=True)
        tree = ast.parse(text, path)
    except (SyntaxError, ValueError) as error:
        return raised(error, server, path)
    flags = 0
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            import __future__
            for alias in node.names:
                flags |= getattr(__future__, alias.name).compiler_flag
    if needs_names(tree, text, sources.file):
        # Asserts as data sets have them, without an import.
        sys.path.insert(0, os.path.dirname(sources.file))
        lines = len([n for n in tree.body if isinstance(n, ast.ImportFrom) and n.module == "__future__"])
        tree.body.insert(lines, ast.parse("from %s import *" % stem_of(sources.file)).body[0])
    space["__doc__"] = ast.get_docstring(tree, clean=False)
    functions = {n.name for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)) and holds_assert(n)}
    statements, count, code, stop = list(flatten(tree.body)), 0, 0, False
    asks_names = re.search(rb"\b(globals|locals|vars|dir|__dict__|inspect|_getframe|f_locals|f_globals)\b", text)
    names = {}
    for node in statements:
        if is_check(node, functions):
            count += 1
            names[node] = prefix + "line %d: %s" % (node.lineno, words.cut(ast.unparse(node).split("\n")[0], 120))
    log.write("collected", ids=[names[n] for n in statements if n in names][:20000])
    for node in statements:
        name = names.get(node)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if name:
            log.write("running", id=name)
        module = ast.Module([node], []) if asks_names else Rewriter().visit(ast.Module([node], []))
        try:
            exec(compile(ast.fix_missing_locations(module), path, "exec", flags, dont_inherit=True), space)
        except SystemExit as error:
            code = exit_code(error)
            if code:
                log.write("test", id=name or prefix + "line %d: %s" % (node.lineno, words.cut(ast.unparse(node).split("\n")[0], 120)),
                          outcome="failed", phase="call", type="SystemExit", message="the tests end with exit code %d" % code)
            elif name:
                log.write("test", id=name, outcome="passed", phase="call")
            log.write("ran", count=count)
            return code or (1 if stop else 0)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                return raised(error, server, path)
            code = 1
            details = words.describe(error, sources)
            failed = isinstance(error, AssertionError)
            if name and failed:
                log.write("test", id=name, outcome="failed", phase="call", **details)
                print_error(error)
                stop = True
                if isinstance(node, (ast.Assert, ast.Expr, ast.For, ast.With, ast.If)):
                    continue
                break
            if name and (stop or isinstance(node, ast.Assert)):
                log.write("test", id=name, outcome="error", phase="call", **details)
                print_error(error)
                stop = True
                continue
            if name:
                log.write("test", id=name, outcome="error", phase="call", **details)
                print_error(error)
                break
            import coe_runner_pytest as pytests
            details["unusable"] = pytests.blames_tests(error, details, sources)
            log.write("test", id=prefix + "line %d: %s" % (node.lineno, words.cut(ast.unparse(node).split("\n")[0], 120)),
                      outcome="error", phase="setup", **details)
            print_error(error)
            break
        else:
            if name:
                log.write("test", id=name, outcome="passed", phase="call")
    log.write("ran", count=count)
    return 1 if stop or code else 0


def stem_of(path):
    return os.path.splitext(os.path.basename(path))[0]


def needs_names(tree, text, file):
    """Whether plain asserts use names that they don't define and nowhere name FILE, which is no part of a package."""
    stem = stem_of(file)
    if not stem.isidentifier() or stem.encode() in text or os.path.exists(os.path.join(os.path.dirname(file), "__init__.py")):
        return False
    nodes = list(ast.walk(tree))
    known = {n.id for n in nodes if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)} | set(dir(builtins))
    known |= {n.name for n in nodes if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))}
    known |= {n.arg for n in nodes if isinstance(n, ast.arg)} | {"__name__", "__file__", "__doc__"}
    for node in nodes:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            known |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ExceptHandler) and node.name:
            known.add(node.name)
    return "*" not in known and any(isinstance(n, ast.Name) and n.id not in known for n in nodes)


def print_error(error):
    import traceback
    traceback.print_exception(type(error), error, error.__traceback__)


def flatten(body):
    """The top-level statements; the body of `if __name__ == "__main__":` counts as such."""
    for node in body:
        if isinstance(node, ast.If) and not node.orelse and ast.unparse(node.test) in (
                "__name__ == '__main__'", "'__main__' == __name__"):
            yield from flatten(node.body)
        else:
            yield node


def holds_assert(node):
    return any(isinstance(n, ast.Assert) or isinstance(n, ast.Call) and words.called_name(n).startswith("assert")
               for n in ast.walk(node))


def is_check(node, functions):
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)):
        return False
    if holds_assert(node):
        return True
    return any(isinstance(n, ast.Call) and words.called_name(n) in functions for n in ast.walk(node))


class Rewriter(ast.NodeTransformer):
    """`assert a == b` keeps both values under names that no program can have, until it has passed."""

    def visit_ClassDef(self, node):
        inner = [n for n in node.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
        for function in inner:
            self.visit(function)
        return node

    def visit_Assert(self, node):
        test, names = node.test, []

        def keep(value):
            name = "@coe%d.%d" % (node.lineno, len(names))
            names.append(name)
            return ast.NamedExpr(ast.Name(name, ast.Store()), value)
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            test = ast.Compare(keep(test.left), test.ops, [keep(test.comparators[0])])
        elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and isinstance(test.operand, (ast.Call, ast.Attribute)):
            test = ast.UnaryOp(test.op, keep(test.operand))
        elif isinstance(test, (ast.Call, ast.Attribute, ast.Subscript)):
            test = keep(test)
        else:
            return node
        forget = ast.Delete([ast.Name(n, ast.Del()) for n in names])
        return [ast.copy_location(ast.Assert(ast.copy_location(test, node.test), node.msg), node), ast.copy_location(forget, node)]


# ---- any other command


def run_command(server, start):
    """The exit code decides; a JUnit file, where the command writes one, names the tests."""
    command = start["command"]
    arguments = ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)
    junit = start.get("junit")
    text = command if isinstance(command, str) else " ".join(command)
    if not junit:
        match = re.search(r"--junit-?xml[= ](\S+)", text)
        junit = match.group(1) if match else None
    if junit and os.path.exists(junit):
        os.unlink(junit)
    name = words.cut(text, 120)
    server.log.write("running", id=name)
    try:
        with open(os.devnull) as null:
            code = subprocess.call(arguments, stdin=null)
    except OSError as error:
        server.log.write("test", id=name, outcome="error", phase="setup", unusable=True,
                         message="the command %s does not start: %s" % (arguments[0], error.strerror))
        return 127
    found = junit and os.path.exists(junit) and junit_tests(server, junit)
    if not found or code and not server.log_has_failure():
        server.log.write("test", id=name, outcome="failed" if code else "passed", phase="call",
                         message="the command ends with exit code %d" % code if code else "")
    return code if code >= 0 else 128 - code


def junit_tests(server, path):
    import xml.etree.ElementTree as elements
    try:
        cases = list(elements.parse(path).getroot().iter("testcase"))
    except (OSError, elements.ParseError):
        return False
    for case in cases:
        name = "::".join(p for p in (case.get("classname"), case.get("name")) if p)
        details = {"phase": "call"}
        outcome = "passed"
        for tag, kind in (("failure", "failed"), ("error", "error"), ("skipped", "skipped")):
            inner = case.find(tag)
            if inner is not None:
                outcome = kind
                text = "\n".join(t for t in (inner.get("message"), inner.text) if t)
                details["message"] = words.cut(text, words.MESSAGE)
                lines = [int(n) for p, n in re.findall(r'([^\s":]+\.py)"?(?:, line |:)(\d+)', text)
                         if server.sources.real(p) == server.sources.file]
                if lines:
                    details["programLine"] = lines[-1]
                break
        server.log.write("test", id=name, outcome=outcome, **details)
    return bool(cases)
