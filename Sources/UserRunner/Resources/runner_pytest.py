"""pytest as the judge: the zygote forks inside pytest's own session, the child goes on with collection and tests.

The zygote calls `pytest.main` once. pytest loads its plugins and its configuration; then a hook of the plugin below
serves jobs and returns in each job's process only, where pytest goes on as ever. The hook is `pytest_sessionstart`
where no conftest can touch the project, else the moment before the first conftest is loaded.
"""
import ast, io, os, re, shutil, sys, tempfile
import coe_runner_report as words

SAFE_CONFTEST_CALLS = {"fixture", "Path", "dirname", "abspath", "join", "insert", "append", "resolve", "getLogger", "mark",
                       "str", "register_assert_rewrite", "importorskip", "realpath", "hookimpl"}


def harmless(path, is_project):
    """Whether a conftest can be loaded before the fork: it imports nothing of the project and only defines things."""
    try:
        with open(path, "rb") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):
        return False
    for node in tree.body:
        if isinstance(node, ast.Import):
            if any(is_project(a.name) for a in node.names):
                return False
        elif isinstance(node, ast.ImportFrom):
            if node.level or is_project(node.module):
                return False
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if node.name.startswith("pytest_") and node.name not in (
                    "pytest_collection_modifyitems", "pytest_runtest_setup", "pytest_generate_tests", "pytest_runtest_makereport",
                    "pytest_make_parametrize_id", "pytest_assertrepr_compare", "pytest_addoption"):
                return False
            if node.name == "pytest_addoption" and any(isinstance(n, (ast.Import, ast.ImportFrom)) for n in ast.walk(node)):
                return False
            if not _defines(ast.Tuple(node.decorator_list + node.args.defaults + [d for d in node.args.kw_defaults if d])):
                return False
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.Expr)):
            if any(getattr(t, "id", "") == "pytest_plugins" for t in getattr(node, "targets", [])):
                return False
            if node.value is not None and not _defines(node.value):
                return False
        else:
            return False
    return True


def _defines(value):
    return all(words.called_name(n) in SAFE_CONFTEST_CALLS for n in ast.walk(value) if isinstance(n, ast.Call)) and \
        not any(isinstance(n, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Await)) for n in ast.walk(value))


def make_plugin(server, arguments):
    import pytest

    class CoePlugin:
        """Serves jobs in the zygote, then collects what the runner reports in a job's process."""

        def __init__(self):
            self.values = None
            self.served = False

        # -- the fork

        def serve(self):
            self.served = True
            server.serve()  # returns in a job's process only
            self.sources, self.log = server.sources, server.log

        @pytest.hookimpl(tryfirst=True)
        def pytest_load_initial_conftests(self, early_config, args):
            if self.served or server.fork_late:
                return
            manager = early_config.pluginmanager.getplugin("capturemanager")
            # Each job's process captures into files of its own: capturing stops while the zygote serves.
            if manager is not None:
                manager.stop_global_capturing()
            self.serve()
            if manager is not None:
                manager.start_global_capturing()

        @pytest.hookimpl(trylast=True)
        def pytest_configure(self, config):
            self.config = config
            if not self.served:
                config.pluginmanager.register(Last())  # registered last, so its pytest_sessionstart is called last

        def start_of_session(self, session):
            if self.served:
                return
            manager = session.config.pluginmanager.getplugin("capturemanager")
            if manager is not None:
                manager.stop_global_capturing()
            warm_source_lookup()
            self.serve()
            if manager is not None:
                manager.start_global_capturing()
                manager.suspend_global_capture()

        # -- what the runner tells

        def pytest_collection_finish(self, session):
            server.note_loaded()
            parameters = {}
            for item in session.items[:500] if server.details else ():
                if getattr(item, "callspec", None):
                    parameters[item.nodeid] = {str(k): words.show(v) for k, v in list(item.callspec.params.items())[:10]}
            self.log.write("collected", ids=[i.nodeid for i in session.items][:20000], parameters=parameters)

        def pytest_runtest_logstart(self, nodeid):
            self.values = None
            self.log.write("running", id=nodeid)

        @pytest.hookimpl(tryfirst=True)
        def pytest_assertrepr_compare(self, config, op, left, right):
            self.values = op, words.show(left), words.show(right)

        @pytest.hookimpl(hookwrapper=True, tryfirst=True)
        def pytest_runtest_makereport(self, item, call):
            outcome = yield
            if call.excinfo is None:
                return
            try:
                report = outcome.get_result()
                if report.outcome == "failed":
                    details = words.describe(call.excinfo.value, self.sources, self.values)
                    parameters = getattr(getattr(item, "callspec", None), "params", None)
                    if parameters:
                        details["parameters"] = {str(k): words.show(v) for k, v in list(parameters.items())[:10]}
                    if type(call.excinfo.value).__name__ == "FixtureLookupError":
                        lookup_error(details, call.excinfo.value)
                    report.coe_details = details
            except KeyboardInterrupt:
                raise
            except Exception as error:
                self.log.write("fault", message=repr(error))
            self.values = None

        @pytest.hookimpl(hookwrapper=True, tryfirst=True)
        def pytest_make_collect_report(self, collector):
            outcome = yield
            try:
                report = outcome.get_result()
                call = report.__dict__.get("call")
                if report.failed and call is not None and call.excinfo is not None:
                    report.coe_details = collection_error(call.excinfo.value, collector, self.sources)
            except KeyboardInterrupt:
                raise
            except Exception as error:
                self.log.write("fault", message=repr(error))

        def pytest_collectreport(self, report):
            if report.failed:
                details = getattr(report, "coe_details", None) or {"message": words.cut(report.longreprtext, words.MESSAGE)}
                self.log.write("test", id=report.nodeid, outcome="error", phase="collect", **details)
            elif report.skipped:
                self.log.write("test", id=report.nodeid, outcome="skipped", phase="collect", message=skip_reason(report))

        def pytest_runtest_logreport(self, report):
            status = self.config.hook.pytest_report_teststatus(report=report, config=self.config)
            outcome = outcome_of(report, status[0] if status else "")
            if not outcome:
                return
            name = report.nodeid
            describe = getattr(report, "_sub_test_description", None) or getattr(report, "sub_test_description", None)
            if describe is not None:
                name += " " + describe()
            details = getattr(report, "coe_details", None)
            if details is None and report.failed:
                # A strict xfail that passes, or a failure that a plugin made: there is only a text.
                text = report.longrepr if isinstance(report.longrepr, str) else report.longreprtext
                details = {"message": words.cut(text, words.MESSAGE)}
                if "XPASS(strict)" in text:
                    details["message"] = "the test is marked as a strict xfail, and it passes" + text.replace("[XPASS(strict)]", ":", 1).rstrip(": ")
            elif details is None and report.skipped:
                reason = getattr(report, "wasxfail", None)
                details = {"message": words.cut(reason if reason is not None else skip_reason(report), words.MESSAGE)}
            self.log.write("test", id=name, outcome=outcome, phase=report.when, output=output_of(report),
                           **(details or {}))

        @pytest.hookimpl(trylast=True)
        def pytest_internalerror(self, excrepr, excinfo):
            # Before the fork there is nobody to tell: a job's process fails once more.
            if self.served:
                self.log.write("internal", **words.describe(excinfo.value, self.sources))

    class Last:
        @pytest.hookimpl(trylast=True)
        def pytest_sessionstart(self, session):
            plugin.start_of_session(session)

    plugin = CoePlugin()
    return plugin


def outcome_of(report, category):
    """The outcome in pytest's words. A plugin may show a test in others; what it shows decides nothing."""
    category = category[len("subtests "):] if category.startswith("subtests ") else category
    if report.outcome not in ("passed", "failed", "skipped"):
        return category  # a plugin's own, such as `rerun`
    if category in (("failed", "error") if report.failed else ("passed", "skipped", "xfailed", "xpassed")):
        return category
    if hasattr(report, "wasxfail") and not report.failed:
        return "xfailed" if report.skipped else "xpassed"
    if report.failed:
        return "failed" if report.when == "call" else "error"
    return report.outcome if report.skipped or report.when == "call" else ""


def warm_source_lookup():
    """Fills the caches of `inspect`: finding a failed test's source takes 20 ms without them."""
    import inspect
    try:
        inspect.getmodule(sys._getframe())
    except Exception:
        pass


def skip_reason(report):
    longrepr = report.longrepr
    return str(longrepr[2]) if isinstance(longrepr, tuple) and len(longrepr) == 3 else str(longrepr or "")


def output_of(report):
    if report.passed:
        return ""
    parts = [content for name, content in report.sections if name.startswith("Captured")]
    return words.cut("".join(parts), words.OUTPUT) if parts else ""


PLUGIN_OF = {"mocker": "pytest-mock", "benchmark": "pytest-benchmark", "requests_mock": "requests-mock", "freezer": "pytest-freezer",
             "httpx_mock": "pytest-httpx", "qtbot": "pytest-qt", "event_loop": "pytest-asyncio", "aiohttp_client": "pytest-aiohttp",
             "db": "pytest-django", "settings": "pytest-django", "faker": "Faker", "datadir": "pytest-datadir",
             "snapshot": "syrupy", "subtests": "pytest-subtests", "fs": "pyfakefs", "testdir": None}


def lookup_error(details, error):
    name = getattr(error, "argname", None)
    if name:
        details["message"] = "fixture '%s' not found" % name
        details["unusable"] = True
        if PLUGIN_OF.get(name):
            details["message"] += "; %s gives it: python -m pip install %s" % (PLUGIN_OF[name], PLUGIN_OF[name])


def collection_error(error, collector, sources):
    """An import of a test file that failed: the cause and not pytest's text about it."""
    cause = error
    while cause.__cause__ is not None and type(cause).__name__ in ("CollectError", "ConftestImportFailure"):
        cause = cause.__cause__
    details = words.describe(cause, sources)
    if isinstance(cause, SyntaxError) and "programLine" not in details and cause.filename:
        details["testFile"], details["testLine"] = sources.real(cause.filename), cause.lineno
        details["message"] = str(cause.msg)
    details["unusable"] = blames_tests(cause, details, sources)
    return details


def blames_tests(cause, details, sources):
    """Whether no change of FILE can mend the error: the tests do not parse, or a library is missing."""
    if "programLine" in details:
        return False
    if isinstance(cause, SyntaxError):
        return True
    if isinstance(cause, ModuleNotFoundError):
        stem = os.path.splitext(os.path.basename(sources.file))[0]
        name = cause.name or ""
        return stem not in name.split(".") and not (stem == "__init__" and os.path.basename(os.path.dirname(sources.file)) in name)
    return False


def arguments_of(start, server):
    """pytest's command line: the tests, and a cache that the next job does not see."""
    out = list(start["tests"])
    if needs_cache(server):
        server.cache = tempfile.mkdtemp(prefix="pytest-cache-")
        out += ["-o", "cache_dir=" + os.path.join(server.cache, "cache")]
    else:
        out += ["-p", "no:cacheprovider"]
    if "xdist" in server.known_plugins and re.search(r"(^|\s)(-n|--numprocesses|--dist)\b", server.options_in_files):
        out += ["-n0", "--dist=no"]
    return out


CACHELESS = {"asyncio", "pytest_mock", "xdist", "xdist.looponfail", "pytest_cov", "timeout", "anyio", "faker", "hypothesispytest"}


def needs_cache(server):
    """Whether the tests, the options or a plugin may use pytest's cache; without it a job is some milliseconds faster."""
    if re.search(r"--(lf|ff|nf|sw|last|failed|new|step|cache)|no:cacheprovider|cache_dir", server.options_in_files):
        return True
    for path in list(server.warmer.files) + sorted(server.sources.tests):
        try:
            with open(path, "rb") as file:
                if re.search(rb"\b(cache|pytest_plugins)\b", file.read()):
                    return True
        except OSError:
            pass
    return server.has_own_plugins or not server.plugins <= CACHELESS


def plugins():
    """The names of the installed plugins, and the top-level modules of their packages: pytest imports these itself, in
    order to rewrite their asserts, and warns when they are loaded already."""
    from importlib import metadata
    names, modules = set(), set()
    try:
        for distribution in metadata.distributions():
            found = [e for e in distribution.entry_points if e.group == "pytest11"]
            if found:
                names |= {e.name for e in found}
                modules |= {e.value.split(":")[0].split(".")[0] for e in found}
                modules |= {str(f).split("/")[0].split(".")[0] for f in distribution.files or () if str(f).endswith(".py")}
    except Exception:
        names.add("unknown")
    return names, modules


def run(server, start):
    """In the zygote: enters pytest. In a job's process: returns the exit code of the real runner."""
    import pytest
    arguments = server.arguments
    plugin = make_plugin(server, arguments)
    main = os.path.join(os.path.dirname(pytest.__file__), "__main__.py")
    server.become_main("pytest.__main__", main, [main] + list(start["tests"]))
    if server.is_child:
        plugin.served, plugin.sources, plugin.log = True, server.sources, server.log
    try:
        code = pytest.main(arguments, plugins=[plugin])
    except SystemExit as error:
        if not server.is_child:
            raise
        import coe_runner_plain as plain
        code = plain.exit_code(error)
        if code == 0:
            server.log.write("fault", message="A conftest file or a plugin ends pytest with exit code 0 before its first test.")
    if not plugin.served:
        # pytest gave up before its session: a job's process says why, in pytest's words.
        server.serve()
        again = make_plugin(server, arguments)
        again.served, again.sources, again.log = True, server.sources, server.log
        code = pytest.main(arguments, plugins=[again])
    return int(code)
