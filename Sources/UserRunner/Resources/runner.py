"""The user's own runner in the jail: a warm zygote that forks a process for each candidate of FILE.

Messages on one descriptor, each a big-endian length of four bytes and JSON. In: `start` once, then jobs. Out: `ready`
once, then one report for each job. See `Server.main` and `compose` for the fields.
"""
import ast, atexit, base64, errno, faulthandler, gc, json, os, re, resource, select, signal, struct, sys, tempfile, threading, time, types
import coe_runner_layer as layers, coe_runner_plain as plain, coe_runner_pytest as pytests, coe_runner_report as words
import coe_runner_outline as outlines, coe_runner_syntax as syntax, coe_runner_warm as warm

DUMP = getattr(signal, "SIGRTMAX", signal.SIGUSR2) - 1 if hasattr(signal, "SIGRTMAX") else signal.SIGUSR2


class Server:
    def __init__(self, channel, started):
        self.channel, self.started = channel, started
        self.zygote_output = None
        self.is_child = False
        self.cache = None  # pytest's cache folder, emptied after each job

    # ---- messages

    def read(self):
        def exactly(count):
            parts = []
            while count:
                data = os.read(self.channel, min(count, 1 << 20))
                if not data:
                    self.leave()
                parts.append(data)
                count -= len(data)
            return b"".join(parts)
        return json.loads(exactly(int.from_bytes(exactly(4), "big")))

    def send(self, message):
        text = json.dumps(message, ensure_ascii=False)
        if self.layer is not None and self.layer.home != self.layer.project:
            text = text.replace(json.dumps(self.layer.home)[1:-1], json.dumps(self.layer.project)[1:-1])
        data = text.encode("utf-8", "replace")
        data = struct.pack(">I", len(data)) + data
        while data:
            try:
                data = data[os.write(self.channel, data):]
            except BrokenPipeError:
                self.leave()

    def leave(self):
        """The other end is gone: everything ends."""
        if self.layer is not None:
            self.layer.close()
        if self.cache:
            layers.remove(self.cache)
        os._exit(0)

    # ---- start

    layer = None

    def main(self, start):
        """`start`: project, file (absolute paths); tests (paths from cwd, ids); kind (auto, pytest, unittest, doctest, script,
        command); command, junit; cwd; seconds, memoryBytes, outputBytes; layer (overlay, restore, copy, none), pristine,
        scratch (folders to clear after each job)."""
        begin = time.monotonic()
        self.zygote_output = os.open(os.devnull, os.O_RDWR)
        os.dup2(self.zygote_output, 0)
        for fd in (1, 2):
            os.dup2(self.zygote_output, fd)
        self.start = start
        self.prepare_kernel()
        project = os.path.realpath(start["project"])
        kind = "copy" if os.environ.pop("COE_RUNNER_NO_OVERLAY", "") else start.get("layer") or "copy"
        if start.get("jailed"):
            files = start.get("files") or {}
            if "/etc/hosts" in files:
                files["/etc/hosts"] += "127.0.1.1 %s\n" % os.uname().nodename
            layers.furnish(files)
        self.layer = layers.Layer(kind, project, start.get("pristine"), start.get("scratch") or (), start.get("stage"),
                                  start.get("hidden") or ())
        home = self.layer.home

        def moved(path):
            path = os.path.realpath(os.path.join(project, path))
            return home + path[len(project):] if path == project or path.startswith(project + os.sep) else path
        self.file, self.cwd = moved(start["file"]), moved(start.get("cwd") or project)
        if home != project:
            sys.path[:] = [moved(p) for p in sys.path if p]
            if os.environ.get("PYTHONPATH"):
                os.environ["PYTHONPATH"] = os.pathsep.join(map(moved, os.environ["PYTHONPATH"].split(os.pathsep)))
        def moved_test(path):
            """A test keeps its own links: pytest takes the conftest files beside the link."""
            parts = os.path.join(project, path).split(os.sep)
            first = max([n for n, p in enumerate(parts) if p == ".."] + [0]) + 1
            for n in range(first, len(parts) + 1):
                folder = os.path.realpath(os.sep.join(parts[:n]) or os.sep)
                if (folder + os.sep).startswith(project + os.sep):
                    return os.path.normpath(os.path.join(home + folder[len(project):], *parts[n:]))
            return moved(path)
        os.chdir(self.cwd)
        tests = [t if t else "." for t in start.get("tests") or []]
        tests = [self.relative(t, moved_test) for t in tests]
        start["tests"] = tests
        paths = [os.path.abspath(t.split("::")[0]) for t in tests]
        sys.path[:] = [p for p in sys.path if p != ""]
        self.problem = self.layer.problem
        if not (self.file + os.sep).startswith(home + os.sep):
            self.problem = "%s lies outside the project %s. Name the project's folder." % (start["file"], project)
        self.kind = start.get("kind") or "auto"
        if self.kind == "auto":
            self.kind = self.guess(paths)
        if self.kind == "doctest" and not tests:
            start["tests"], paths = [self.file], [self.file]
        for path, test in zip(paths, start["tests"]):
            if not os.path.exists(path) and not (self.kind == "unittest" and "/" not in test and not test.endswith(".py")):
                self.problem = "%s does not exist. Name a test file, a folder or a test id." % test
        files = [p for p in paths if p.endswith(".py")]
        for path in paths:
            if os.path.isdir(path):
                files += [os.path.join(folder, n) for folder, _, names in os.walk(path) for n in names if n.endswith(".py")][:200]
        self.sources = words.Sources(home, self.file, [f for f in files if f != self.file or self.kind != "doctest"])
        roots = [self.cwd, home, os.path.join(home, "src"), os.path.dirname(self.file)] + [
            os.path.dirname(p) if p.endswith(".py") else p for p in paths]
        roots += [p for p in sys.path if (p + os.sep).startswith(home + os.sep)] + self.ini_path()
        self.warmer = warm.Warmer(home, list(dict.fromkeys(roots)), self.started)
        self.sources.libraries = tuple(l for l in self.warmer.libraries if not home.startswith(l))
        self.conftests = self.find_conftests(paths)
        self.fork_at = "start"
        if not self.problem:
            self.load(files)
        self.begin = begin
        runner = {"pytest": pytests.run, "unittest": plain.run_unittest, "doctest": plain.run_doctest, "script": plain.run_scripts,
                  "command": plain.run_command}.get(self.kind)
        if runner is None:
            self.problem = "'%s' is no kind of tests. The kinds are auto, pytest, unittest, doctest, script and command." % self.kind
        if self.kind == "pytest" and not self.problem:
            self.arguments = pytests.arguments_of(start, self)
        if self.problem or self.kind != "pytest" or self.fork_at == "start":
            self.serve()
        if self.kind == "pytest" and not self.is_child and self.may_import() and not self.stays_outside():
            self.fork_at = "start"
            self.serve()
        code = runner(self, start)
        if not self.is_child:
            os._exit(70)
        self.finish(code)

    @property
    def fork_late(self):
        return self.fork_at != "conftest"

    def relative(self, test, moved):
        path, colons, rest = test.partition("::")
        if not (path.endswith(".py") or "/" in path or os.path.exists(path)):
            return test
        path = moved(os.path.join(self.start.get("cwd") or self.start["project"], path))
        if path.startswith(self.cwd + os.sep):
            path = os.path.relpath(path, self.cwd)
        return path + colons + rest

    def prepare_kernel(self):
        self.poll_children = hasattr(os, "pidfd_open")
        if sys.platform == "linux":
            layers.libc().prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: daemons become our children
        try:
            with open("/proc/self/statm") as file:
                self.address_space = int(file.read().split()[0]) * resource.getpagesize()
        except OSError:
            self.address_space = 0

    def guess(self, paths):
        """The kind of tests that people mean by these files."""
        if self.start.get("command"):
            return "command"
        if not paths:
            return "doctest"
        kinds = set()
        for path in paths:
            if os.path.isdir(path):
                names = [os.path.join(f, n) for f, _, ns in os.walk(path) for n in ns if n.startswith("test") and n.endswith(".py")]
                inner = {kind_of(n) for n in names[:50]}
                kinds |= {"unittest"} if inner == {"unittest"} and not can_import("pytest") else {"pytest"}
            elif not path.endswith(".py"):
                kinds.add("doctest")
            else:
                kinds.add(kind_of(path))
        if kinds == {"unittest"} and can_import("pytest") and (
                self.find_conftests(paths) or "[tool.pytest" in self.options() or "[pytest]" in self.options()):
            return "pytest"
        return kinds.pop() if len(kinds) == 1 else "pytest"

    def options(self):
        """The files in which pytest's options stand, as one text."""
        text = os.environ.get("PYTEST_ADDOPTS", "")
        for name in ("pytest.ini", ".pytest.ini", "pytest.toml", "pyproject.toml", "tox.ini", "setup.cfg"):
            for place in self.ini_places():
                try:
                    with open(os.path.join(place, name), encoding="utf-8", errors="replace") as file:
                        text += "\n" + file.read()
                except OSError:
                    pass
        return text

    def ini_places(self):
        """The folders where pytest's options may stand: those of the tests and all above them within the project."""
        home, found = self.layer.home, []
        for path in [self.cwd] + [os.path.abspath(t.split("::")[0]) for t in self.start.get("tests") or []]:
            while (path + os.sep).startswith(home + os.sep) and path not in found:
                found.append(path)
                path = os.path.dirname(path)
        return found or [home]

    def ini_path(self):
        """The folders that pytest's option `pythonpath` names."""
        found = re.search(r"^\s*pythonpath\s*=\s*(\[[^\]]*\]|.*(?:\n[ \t]+\S.*)*)", self.options(), re.M)
        names = re.findall(r"[^\s\[\]\"',]+", found.group(1)) if found else []
        return [os.path.normpath(os.path.join(place, n)) for n in names for place in self.ini_places()]

    def find_conftests(self, paths):
        """The conftest files that pytest loads before its session."""
        found = set()
        for path in paths or [self.cwd]:
            folder = path if os.path.isdir(path) else os.path.dirname(path)
            try:
                inner = [os.path.join(folder, n) for n in os.listdir(folder) if n.startswith("test")]
            except OSError:
                inner = []
            while True:
                inner.append(folder)
                if folder == os.path.dirname(folder):
                    break
                folder = os.path.dirname(folder)
            found |= {os.path.join(f, "conftest.py") for f in inner if os.path.isfile(os.path.join(f, "conftest.py"))}
        return found

    def load(self, files):
        """The imports before the fork, and where pytest may fork."""
        text = self.options()
        self.options_in_files = text
        self.known_plugins = {n for n in ("xdist", "pytest_cov") if can_import(n)}
        wanted = self.warmer.follow([self.file] + files + list(self.conftests))
        self.shadowed = self.find_shadowed()
        cold = self.shadowed or self.warmer.touchy
        if self.kind == "pytest":
            if not can_import("pytest"):
                self.problem = "These tests need pytest, which is not installed for %s. Run: %s -m pip install pytest" % (
                    sys.executable, sys.executable)
                return
            self.plugins, self.warmer.later = pytests.plugins()
            if not cold:
                self.warmer.load(["pytest", "unittest.mock", "asyncio", "difflib", "pdb", "doctest", "xml.etree.ElementTree"])
        elif cold:
            pass
        elif self.kind in ("unittest", "doctest"):
            self.warmer.load([self.kind, "unittest.mock", "asyncio"] if self.kind == "unittest" else ["doctest"])
        elif self.kind == "command":
            return
        self.wanted = [] if cold else wanted
        self.warmer.load(self.wanted)
        for path in files[:20] + list(self.conftests):
            if path != self.file:
                self.sources.parse(path)
        if self.kind == "pytest" and not self.shadowed:
            plugins = re.findall(r"(?:^|[\s\"'=])-p[\s=\"',]*([\w.]+)", text) + os.environ.get("PYTEST_PLUGINS", "").split(",")
            self.has_own_plugins = any(p and self.warmer.is_project(p) for p in plugins)
            if self.has_own_plugins or "pytest_cov" in self.known_plugins and "--cov" in text:
                return
            safe = self.file not in self.conftests and all(pytests.harmless(p, self.warmer.is_project) for p in self.conftests)
            self.fork_at = "session" if safe else "conftest"

    shadowed, has_own_plugins = frozenset(), False

    def find_shadowed(self):
        """The names that the project takes from libraries on the way to which the real runner finds modules."""
        early = [self.cwd]
        if self.kind == "script":
            early = [os.path.dirname(os.path.realpath(t)) for t in self.start["tests"]]
        early += [p for p in sys.path if p in self.warmer.roots]
        late = [r for r in self.warmer.roots if r not in early and (
            self.kind == "doctest" or not os.path.exists(os.path.join(r, "__init__.py")))]
        return self.warmer.shadowed("sys" if self.kind == "script" else self.kind, early, late)

    # ---- the fork

    trial = None

    def may_import(self):
        """Whether something that pytest loads before the fork may import the project."""
        return not self.plugins <= pytests.CACHELESS or "filterwarnings" in self.options_in_files or (
            self.fork_at == "session" and self.conftests)

    def stays_outside(self):
        """Whether pytest reaches the fork without importing the project (with pytest-django it does not). A process of its own
        tries it."""
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            self.trial = writing
            pytests.run(self, self.start)
            os._exit(0)
        os.close(writing)
        answer = os.read(reading, 1)
        os.close(reading)
        os.waitpid(pid, 0)
        return answer == b"y"

    def project_modules(self):
        harmless = {self.sources.real(p) for p in self.conftests}
        paths = [self.sources.real(getattr(m, "__file__", None) or "/") for m in list(sys.modules.values())]
        return [p for p in paths if self.sources.inside(p) and p not in harmless]

    def serve(self):
        """Answers jobs; returns in a job's process, with the job."""
        if self.trial is not None:
            os.write(self.trial, b"n" if self.project_modules() else b"y")
            os._exit(0)
        if self.warmer.later and self.fork_at != "start":
            self.warmer.later = set()
            self.warmer.load(self.wanted)
        self.output_limit = self.start.get("outputBytes") or 64 << 10
        gc.collect()
        gc.freeze()
        self.send({"ready": True, "kind": self.kind, "unusable": self.problem, "layerProblem": self.layer.problem, "python": "%d.%d.%d" % sys.version_info[:3],
                   "pytest": getattr(sys.modules.get("pytest"), "__version__", None), "fork": self.fork_at,
                   "layer": self.layer.kind, "seconds": round(time.monotonic() - self.begin, 3)})
        learned = 0
        while True:
            job = self.read()
            if job.get("cancel"):  # the job had ended already
                continue
            if job.get("ask"):
                self.send(self.answer(job))
                continue
            if self.problem:
                self.send({"id": job.get("id"), "outcome": "unusable", "sentence": self.problem, "tests": [], "exitCode": None,
                           "output": "", "seconds": 0})
                continue
            report = self.one(job)
            if report is None:
                return job
            modules = report.pop("modules", [])
            self.send(report)
            self.layer.reset()
            if self.cache:
                layers.remove(os.path.join(self.cache, "cache"))
            if modules and learned < 3 and not self.shadowed and not self.warmer.touchy:
                learned += 1
                self.warmer.load(modules)
                gc.collect()
                gc.freeze()

    def answer(self, job):
        """Questions about FILE's syntax; `ask` is outline, suggest or compare."""
        data = base64.b64decode(job["bytes"])
        try:
            if job["ask"] == "outline":
                return outlines.outline(self, job, data)
            if job["ask"] == "compare":
                return {"warnings": outlines.compare(self, job, base64.b64decode(job["before"]), data)}
            text = data.decode("utf-8", "replace")
            programs = syntax.suggestions(text.replace("\r\n", "\n"))
            return {"programs": [p.replace("\n", "\r\n") if "\r\n" in text else p for p in programs]}
        except (RecursionError, MemoryError, ValueError) as error:
            return {"problem": repr(error)}

    def one(self, job):
        begin = time.monotonic()
        seconds = job.get("seconds") or self.start.get("seconds") or 10
        log = words.Log()
        out, write = os.pipe()
        dump, dump_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(out)
            os.close(dump)
            self.is_child, self.log = True, log
            self.become_job(job, write, dump_write)
            return None
        os.close(write)
        os.close(dump_write)
        status, timed_out, cancelled, output = self.watch(pid, out, dump, begin + seconds)
        where = self.read_dump(dump)
        events = list(log.events())
        log.close()
        return self.compose(job, events, status, timed_out, cancelled, output, where, seconds, time.monotonic() - begin)

    def watch(self, pid, out, dump, deadline):
        """Waits for the job's process, keeps its output, kills what is left of it."""
        os.set_blocking(out, False)
        poll = select.poll()
        poll.register(out, select.POLLIN)
        poll.register(self.channel, select.POLLIN)
        process = os.pidfd_open(pid) if self.poll_children else None
        if process is not None:
            poll.register(process, select.POLLIN)
        head, tail, total = bytearray(), bytearray(), 0
        half = self.output_limit // 2

        def keep():
            nonlocal total
            while True:
                try:
                    data = os.read(out, 1 << 16)
                except (BlockingIOError, InterruptedError):
                    return True
                if not data:
                    return False
                total += len(data)
                room = half - len(head)
                if room > 0:
                    head.extend(data[:room])
                    data = data[room:]
                tail.extend(data)
                if len(tail) > 4 * half + 65536:
                    del tail[:-half]
                if time.monotonic() > deadline:
                    return True
        status, stopped, self.cpu = None, None, 0
        while True:
            ended, status, usage = os.wait4(pid, os.WNOHANG)
            if ended:
                self.cpu = usage.ru_utime + usage.ru_stime
                break
            left = deadline - time.monotonic()
            if left <= 0:
                if stopped:
                    status = None
                    break
                # Where is it? The handler of this signal writes the stack.
                stopped, deadline = "time", time.monotonic() + 1
                signalled(pid, DUMP)
                poll.register(dump, select.POLLIN)
                continue
            for fd, event in poll.poll(left * 1000 + 1 if process is not None else min(1, left * 1000)):
                if fd == out and not keep():
                    poll.unregister(out)
                elif fd == dump:  # it is written at once, in one piece or nearly
                    deadline = min(deadline, time.monotonic() + 0.02)
                    poll.unregister(dump)
                elif fd == self.channel:
                    if not event & select.POLLIN:
                        self.sweep(pid)
                        self.leave()
                    if self.read().get("cancel"):
                        stopped, deadline = "cancel", 0
        if status is None:
            signalled(pid, signal.SIGKILL)
        self.sweep(pid)
        if status is None:
            status = self.reaped.get(pid, signal.SIGKILL)
        keep()
        os.close(out)
        if process is not None:
            os.close(process)
        if total > 2 * half:
            text = head + b"\n... %d bytes ...\n" % (total - 2 * half) + tail[-half:]
        else:
            text = head + tail
        return status, stopped == "time", stopped == "cancel", text.decode("utf-8", "replace")

    reaped = {}

    def sweep(self, pid):
        """Kills and reaps everything that the job has left: its session, its daemons."""
        self.reaped = {}
        try:
            os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass
        for _ in range(200):
            if os.getpid() == 1:
                try:
                    os.kill(-1, signal.SIGKILL)
                except OSError:
                    pass
            try:
                while True:
                    ended, status = os.waitpid(-1, os.WNOHANG)
                    if not ended:
                        break
                    self.reaped[ended] = status
            except ChildProcessError:
                return
            for child in children():
                signalled(child, signal.SIGKILL)
            time.sleep(0.001)

    def read_dump(self, dump):
        """The program's line and the test's line in the stack that the signal's handler wrote."""
        os.set_blocking(dump, False)
        try:
            text = os.read(dump, 1 << 16).decode("utf-8", "replace")
        except OSError:
            text = ""
        os.close(dump)
        program = test = None
        threads = text.split("\n\n")
        for path, line in re.findall(r'File "([^"]+)", line (\d+)', threads[-1]):  # the newest call first, the main thread last
            path = self.sources.real(path)
            if path == self.file and program is None:
                program = int(line)
            elif self.sources.is_test(path) and test is None:
                test = path, int(line)
        return program, test

    # ---- in a job's process

    def become_job(self, job, out, dump):
        os.setsid()
        os.close(self.channel)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.close(out)
        try:
            self.log.own()
            data = job["text"].encode("utf-8", "surrogateescape") if "text" in job else base64.b64decode(job["bytes"])
            self.layer.enter(self.file, data)
            os.chdir(self.cwd)
            stem, folder = os.path.basename(self.file).rsplit(".", 1)[0], os.path.join(os.path.dirname(self.file), "__pycache__")
            if os.path.isdir(folder):
                for name in os.listdir(folder):
                    if name.startswith(stem + "."):  # compiled from an older text, perhaps of the same second and size
                        try:
                            os.unlink(os.path.join(folder, name))
                        except PermissionError:
                            sys.pycache_prefix = os.path.join(tempfile.gettempdir(), "pycache")
            for path in list(sys.path_importer_cache):
                if path.startswith(self.layer.home):
                    del sys.path_importer_cache[path]
            # A file object keeps the descriptor open; faulthandler only knows its number.
            self.dump = os.fdopen(dump, "wb", buffering=0)
            faulthandler.register(DUMP, self.dump, all_threads=True, chain=False)
            resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
            memory = job.get("memoryBytes") or self.start.get("memoryBytes")
            if memory:
                resource.setrlimit(resource.RLIMIT_AS, (self.address_space + memory, self.address_space + memory))
            numpy = sys.modules.get("numpy.random")
            if numpy is not None and hasattr(numpy, "seed"):
                numpy.seed()  # as a fresh process: each has other random numbers; `random` does this by itself
            if self.shadowed:
                self.warmer.purge(self.shadowed)
            self.before = set(sys.modules)
            self.details = bool(job.get("details"))
            if job.get("trace"):
                self.trace()
        except BaseException as error:
            self.log.write("fault", message="the job's process can't be set up: %s" % error)
            os._exit(71)

    details, reached = False, None

    def trace(self):
        """Notes the lines of FILE that run."""
        self.reached = reached = set()
        real, file = self.sources.real, self.file

        def line(frame, event, _):
            reached.add(frame.f_lineno)
            return line

        def call(frame, event, _):
            return line(frame, event, None) if real(frame.f_code.co_filename) == file else None
        threading.settrace(call)
        sys.settrace(call)

    def become_main(self, spec, file, arguments):
        """`sys.argv`, `sys.path[0]` and `__main__` as in a fresh `python -m RUNNER`, or `python FILE` without a spec."""
        import importlib.util
        sys.argv[:] = arguments
        sys.orig_argv[:] = [sys.executable] + (["-m", spec.split(".")[0]] if spec else arguments[:1]) + arguments[1:]
        if not getattr(sys.flags, "safe_path", False) and getattr(self, "path_entry", None) is None:
            self.path_entry = self.cwd
            sys.path.insert(0, self.cwd)
        module = types.ModuleType("__main__")
        module.__file__ = file
        if spec:
            module.__spec__ = importlib.util.find_spec(spec)
        else:
            module.__spec__ = None
        self.old_main = sys.modules["__main__"]
        sys.modules["__main__"] = module

    loaded = ()

    def note_loaded(self):
        """The tests are imported: what is imported later, a function imports."""
        self.loaded = list(sys.modules)

    def log_has_failure(self):
        return any(e["kind"] == "test" and e["outcome"] in ("failed", "error") for e in self.log.events())

    def finish(self, code):
        """The end of a job's process, as the interpreter ends: threads are waited for, exit handlers run."""
        if self.reached is not None:
            sys.settrace(None)
            self.log.write("reached", lines=sorted(self.reached - {0}))
        new = [n for n in self.loaded if n not in self.before and n in sys.modules]
        libraries = self.warmer.libraries
        new = [n for n in new if (getattr(sys.modules[n], "__file__", None) or "").startswith(libraries)
               or getattr(getattr(sys.modules[n], "__spec__", None), "origin", None) == "built-in"]
        self.log.write("finish", code=code, modules=new[:500])
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        try:
            threading._shutdown()
            atexit._run_exitfuncs()
        except BaseException:
            pass
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        self.log.write("end")
        os._exit(code & 0xFF)

    # ---- the report

    def compose(self, job, events, status, timed_out, cancelled, output, where, limit, seconds):
        """id; outcome (passed, failed, unusable, cancelled); sentence; exitCode; tests; program (why FILE does not load);
        counts; timedOut; output; seconds; cpuSeconds (of the job's processes). A test: id, outcome, phase, message, type, testFile, testLine, testSource, call,
        got, want, parameters, programLine, setup (the tests' own set-up is at fault), trace, output."""
        tests, ids, running, code, ended, ran, faults, records = {}, [], None, None, False, None, [], []
        modules, reached, parameters = [], None, {}
        for event in events:
            kind = event.pop("kind")
            if kind == "collected":
                ids += event["ids"]
                parameters.update(event.get("parameters") or {})
            elif kind == "reached":
                reached = event["lines"]
            elif kind == "running":
                running = event["id"]
            elif kind == "test":
                records.append([event["id"], event["outcome"], event.get("phase")])
                if event.get("phase") not in ("setup",) or event["outcome"] != "passed":
                    running = None if event["id"] == running else running
                old = tests.get(event["id"])
                if old is None or rank(event["outcome"]) >= rank(old["outcome"]):
                    tests[event["id"]] = event
            elif kind == "finish":
                code, modules = event["code"], event["modules"]
            elif kind == "end":
                ended = True
            elif kind == "ran":
                ran = event["count"]
            elif kind == "fault":
                faults.append(event["message"])
            elif kind == "internal":
                tests["internal error"] = dict(event, id="internal error", outcome="error", phase="internal")
        if (code is None or not ended) and not faults:
            self.add_end(tests, records, ids, running, status, timed_out, where, limit, code)
        exit_code = code
        if not ended and not timed_out and status is not None:
            exit_code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
            if code is not None:  # an exit handler ended the process
                code, ended = code or exit_code, True
        if timed_out:
            exit_code = None
        clean = [self.clean(t) for t in tests.values()]
        for name in ids:
            if name not in tests and (code is None or timed_out) and not any(n.startswith(name + " ") for n in tests):
                clean.append({"id": name, "outcome": "notRun"})
        report = {"id": job.get("id"), "exitCode": exit_code, "tests": clean, "timedOut": timed_out, "output": output,
                  "seconds": round(seconds, 4), "cpuSeconds": round(self.cpu, 4), "modules": modules, "program": None, "sentence": None}
        if job.get("records"):
            report["records"] = records
        if reached is not None:
            report["reached"] = reached
        for test in clean:
            if test["id"] in parameters:
                test.setdefault("parameters", parameters[test["id"]])
        bad = [t for t in clean if t["outcome"] in ("failed", "error", "timeout")]
        for test in bad:
            if test.get("phase") == "collect" and "programLine" in test or test.get("type") in (
                    "SyntaxError", "IndentationError", "TabError") and "programLine" in test:
                report["program"] = {"type": test.get("type"), "message": test.get("message"), "line": test["programLine"],
                                     "column": test.get("column")}
                break
        if cancelled:
            report["outcome"] = "cancelled"
        elif faults and not tests and not code:
            report["outcome"], report["sentence"] = "unusable", faults[0]
        else:
            self.judge(report, bad, code, ended, ran, timed_out, output)
        report["counts"] = {}
        for test in report["tests"]:
            report["counts"][test["outcome"]] = report["counts"].get(test["outcome"], 0) + 1
        return report

    def judge(self, report, bad, code, ended, ran, timed_out, output):
        name = ", ".join(self.start["tests"]) or os.path.basename(self.file)
        if self.kind == "pytest" and code == 4 and not bad:
            self.usage_error(report, output)
        elif [t["id"] for t in report["tests"]] == ["internal error"] and "programLine" not in bad[0]:
            # A plugin, or an option, breaks pytest before the first test: that says nothing of the program.
            report["outcome"], report["tests"] = "unusable", []
            report["sentence"] = "pytest itself can't run here: %s: %s" % (
                bad[0].get("type") or "Error", (bad[0].get("message") or "").split("\n")[0])
        elif code == 0 and ended and not report["tests"] or code == 5 or ran == 0 and code == 0 and not bad:
            report["outcome"] = "unusable"
            what = {"doctest": "no doctest example", "script": "no assert"}.get(self.kind, "no test")
            report["sentence"] = "%s holds %s that %s finds." % (name, what, "Python" if self.kind == "script" else self.kind)
            if self.kind == "script":
                report["sentence"] += " If its exit code decides, use --test-command 'python %s'." % " ".join(self.start["tests"])
        elif bad and all(t.get("unusable") for t in bad):
            report["outcome"] = "unusable"
            first = bad[0]
            place = "%s, line %d: " % (first["testFile"], first["testLine"]) if first.get("testLine") else first["id"] + ": "
            kind = "" if not first.get("type") or "fixture" in (first.get("message") or "") else first["type"] + ": "
            report["sentence"] = "The tests can't be used: " + place + kind + (first.get("message") or "")
        elif code == 0 and ended and not timed_out:
            report["outcome"] = "passed"
        else:
            report["outcome"] = "failed"
            if timed_out and code is not None:
                report["sentence"] = "All tests ended, but the process did not: a thread or an exit handler still runs."
            elif not bad and code is not None:
                report["sentence"] = "No test fails, but %s ends with exit code %d." % (self.kind, code)

    def usage_error(self, report, output):
        """pytest ended before its session: a conftest that does not load, an unknown option, a test id that isn't there."""
        name = os.path.relpath(self.file, self.cwd)
        places = re.findall(r'(?:File "%s", line |(?:^|\s)%s:)(\d+)' % (re.escape(self.file), re.escape(name)), output, re.M)
        errors = re.findall(r"^E +(.+)$", output, re.M)
        lines = [l for l in output.split("\n") if l.startswith("ERROR: ") or "Error" in l]
        if places:
            last = (errors or lines or ["it does not load"])[-1]
            match = re.match(r"(\w+): (.*)", last.strip())
            kind, message = match.groups() if match else (None, last.strip())
            report["outcome"] = "failed"
            report["program"] = {"type": kind, "message": message, "line": int(places[-1]), "column": None}
            report["tests"].append({"id": "conftest.py", "outcome": "error", "phase": "collect", "type": kind, "message": message,
                                    "programLine": int(places[-1])})
            return
        report["outcome"] = "unusable"
        first = next((l.split(": error: ", 1)[1] for l in output.split("\n") if ": error: " in l), None)
        first = first or next((l[7:] for l in lines if l.startswith("ERROR: ")), None) or (errors or lines or [output.strip()[-300:]])[-1]
        report["sentence"] = "pytest can't use the tests: " + words.cut(first.strip(), 500)
        stem = os.path.splitext(os.path.basename(self.file))[0]
        if re.search(r"(cannot import name .* from '(\w+\.)*%s'|No module named '%s)" % (re.escape(stem), re.escape(stem)), output):
            report["outcome"] = "failed"
            report["tests"].append({"id": "conftest.py", "outcome": "error", "phase": "collect", "message": first.strip()})

    def add_end(self, tests, records, ids, running, status, timed_out, where, limit, code):
        """The process ended before the runner did: the test that was running is an error."""
        if code is not None and not timed_out:
            return
        if timed_out and code is not None:
            return
        name = running or next((i for i in ids if i not in tests), None) or "the tests' import"
        if name in tests and not timed_out:
            name += " (end)"
        details = {"id": name, "phase": "call"}
        if timed_out:
            program, test = where
            details.update(outcome="timeout", type="Timeout", message="no end within %g s" % limit)
            if program is not None:
                details["programLine"] = program
                details["message"] += "; line %d of %s was running" % (program, os.path.basename(self.file))
            if test is not None:
                details["testFile"], details["testLine"] = test
                details["testSource"] = self.sources.text(*test)
                node, _ = self.sources.statement(*test)
                call = words.tested_call(node)[0] if node is not None else None
                if call is not None:
                    details["call"] = words.unparse(call)
        else:
            details.update(outcome="error", type="ProcessEnded", message="the process ended: " + how(status))
        tests[name] = details
        records.append([name, details["outcome"], "call"])

    def clean(self, test):
        out = {k: v for k, v in test.items() if v not in (None, "", [])}
        for holder in [out] + list(out.get("trace", [])):
            for key in ("testFile", "file"):
                path = holder.get(key)
                if path and path.startswith(self.layer.home + os.sep):
                    holder[key] = path[len(self.layer.home) + 1:]
        if out["outcome"] in ("error", "failed") and out.get("phase") in ("setup", "collect", "teardown") and "programLine" not in out:
            out["setup"] = True
        return out


def rank(outcome):
    order = ("passed", "xfailed", "skipped", "xpassed", "failed", "error", "timeout")
    return order.index(outcome) if outcome in order else 0


def how(status):
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = ""
        return "signal %d, %s" % (number, {"SIGSEGV": "a segmentation fault", "SIGABRT": "an abort", "SIGKILL": "killed"}.get(name, name))
    return "exit code %d" % os.WEXITSTATUS(status)


def signalled(pid, number):
    try:
        os.kill(pid, number)
    except OSError:
        pass


def children():
    """Our child processes: after the job's own process these are its daemons."""
    own, found = os.getpid(), []
    try:
        with open("/proc/self/task/%d/children" % own) as file:
            return [int(n) for n in file.read().split()]
    except OSError:
        pass
    try:
        for name in os.listdir("/proc"):
            if name.isdigit():
                with open("/proc/%s/stat" % name) as file:
                    if int(file.read().rpartition(")")[2].split()[1]) == own:
                        found.append(int(name))
    except (OSError, ValueError, IndexError):
        pass
    return found


def can_import(name):
    import importlib.util
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def kind_of(path):
    """pytest, unittest or script, from what a test file defines."""
    try:
        with open(path, "rb") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):
        return "pytest" if can_import("pytest") else "unittest"
    imports = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    imports |= {(n.module or "").split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    if "pytest" in imports:
        return "pytest"
    functions = [n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)) and n.name.startswith("test")]
    classes = [n for n in tree.body if isinstance(n, ast.ClassDef)]
    cases = [c for c in classes if any("TestCase" in ast.unparse(b) for b in c.bases)]
    own = {c.name for c in cases}
    plain_classes = [c for c in classes if c.name.startswith("Test") and c not in cases and not any(ast.unparse(b) in own for b in c.bases)
                     and any(isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)) and n.name.startswith("test") for n in c.body)]
    if cases and not functions and not plain_classes:
        return "unittest"
    if "unittest" in imports and not functions and classes and not plain_classes:
        return "unittest"
    if functions or plain_classes:
        called = any(isinstance(n, ast.Expr) and isinstance(n.value, ast.Call) and words.called_name(n.value) in {f.name for f in functions}
                     for n in plain.flatten(tree.body))
        needs_pytest = any(f.args.args or f.decorator_list for f in functions) or plain_classes
        if called and not needs_pytest and not os.path.basename(path).startswith("test_"):
            return "script"
        return "pytest"
    named = os.path.basename(path).startswith("test_") or path.endswith("_test.py")
    statements = [n for n in plain.flatten(tree.body) if not isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))]
    if any(plain.is_check(n, set()) for n in statements) or not named:
        return "script"
    return "pytest" if can_import("pytest") else "script"


def main(config):
    """`config`: channel (a descriptor), started (the modules of a bare interpreter), start (the start message)."""
    import fcntl
    channel = fcntl.fcntl(config["channel"], fcntl.F_DUPFD_CLOEXEC, 200)
    if config["channel"] > 2:
        os.close(config["channel"])
    server = Server(channel, set(config["started"]))
    try:
        server.main(config["start"])
    except SystemExit:
        raise
    except BaseException as error:
        if server.is_child:
            import traceback
            traceback.print_exc()
            server.log.write("fault", message="the runner failed: %r" % error)
            os._exit(70)
        import traceback
        server.problem = "The runner can't start: %s" % "".join(traceback.format_exception_only(type(error), error)).strip()
        server.kind = getattr(server, "kind", "auto")
        server.fork_at, server.begin = "start", time.monotonic()
        server.fault = traceback.format_exc()
        server.send({"ready": True, "unusable": server.problem, "fault": server.fault, "kind": server.kind})
        while True:
            job = server.read()
            server.send({"id": job.get("id"), "outcome": "unusable", "sentence": server.problem, "tests": []})
    os._exit(0)
