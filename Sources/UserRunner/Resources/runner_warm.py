"""What is imported before the fork: the runner and the libraries that the project imports, nothing of the project."""
import ast, importlib, importlib.machinery, importlib.util, os, re, site, subprocess, sys, sysconfig, warnings

# Modules that do something when they are imported.
NEVER = {"this", "antigravity", "__hello__", "__phello__", "idlelib", "turtledemo", "distutils", "setuptools", "pkg_resources",
         "test", "coverage", "__main__", "sitecustomize", "usercustomize", "tensorflow", "gevent", "eventlet"}

SKIPPED = {"node_modules", "site-packages", "dist-packages", "__pycache__", "build", "dist"}
# What a file names when it looks at, or changes, how modules are imported.
TOUCHES = re.compile(rb"sys\.modules|[\"']sys[\"'.]+modules|import\b.*\bmodules\b|meta_path|path_hooks|__import__")


def names_within(project, limit=20000):
    """Names of the modules and folders that stand anywhere in the project, as far as the limit reaches."""
    names = set()
    for folder, inner, files in os.walk(project):
        inner[:] = [n for n in inner if n[0] != "." and n not in SKIPPED
                    and not os.path.exists(os.path.join(folder, n, "pyvenv.cfg"))]
        names |= set(inner) | {n[:-3] for n in files if n.endswith(".py")}
        limit -= len(files) + len(inner)
        if limit < 0:
            break
    return names


def at_import(body):
    """The statements that surely run when a module is imported: none in a function or under a condition."""
    for node in body:
        if isinstance(node, (ast.Try, ast.With, ast.ClassDef)):
            yield from at_import(node.body)
            yield from at_import(getattr(node, "finalbody", []))
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.If, ast.For, ast.While)):
            yield node


def sets_environment(node):
    """Whether a statement changes the environment, which a library may read when it is imported."""
    def is_environment(value):
        return getattr(value, "attr", getattr(value, "id", "")) in ("environ", "environb")
    for inner in ast.walk(node):
        if isinstance(inner, ast.Subscript) and not isinstance(inner.ctx, ast.Load) and is_environment(inner.value):
            return True
        if isinstance(inner, ast.Call):
            name = getattr(inner.func, "attr", getattr(inner.func, "id", ""))
            changes = name in ("setdefault", "update", "pop", "clear") and is_environment(getattr(inner.func, "value", None))
            if changes or name in ("putenv", "unsetenv", "load_dotenv"):
                return True
    return False


def imported_by(runner):
    """The modules that the real runner has imported before it loads a test, asked in a fresh interpreter."""
    text = "import sys, %s\nprint(*sys.modules)" % runner
    if runner == "pytest":
        text = "import sys, os, pytest\nos.chdir(sys.argv[1])\nsys.stdout = open(os.devnull, 'w')\n" \
            "pytest.main(['-p', 'no:cacheprovider', '-c', os.devnull, '--co'])\nprint(*sys.modules, file=sys.__stdout__)"
    import tempfile
    try:
        with tempfile.TemporaryDirectory() as folder:
            return set(subprocess.run([sys.executable, "-c", text, folder], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, cwd=folder, timeout=60).stdout.decode().split())
    except (OSError, subprocess.SubprocessError):
        return set()


def library_folders():
    """Folders of the standard library and of installed packages, with a separator at the end."""
    found = set(sysconfig.get_paths().values()) | {sys.prefix + "/lib", sys.base_prefix + "/lib"}
    found |= set(getattr(site, "getsitepackages", lambda: [])()) | {site.getusersitepackages()}
    found |= {p for p in sys.path if os.path.basename(p) in ("site-packages", "dist-packages")}
    found = {os.path.realpath(p) for p in found if p} | {p for p in found if p}
    return tuple(p + os.sep for p in found if p not in ("/", "") and os.path.isdir(p) and len(p) > 4)


class Warmer:
    def __init__(self, project, roots, started):
        self.project, self.roots, self.started = project, roots, started
        self.libraries = library_folders()
        self.tried, self.files = set(), set()
        self.later = set()  # top-level modules that pytest must import itself
        self.names = names_within(project)
        self.touchy = False  # whether the project looks at the imported modules: nothing is warmed then

    def is_project(self, name):
        """Whether a module name may resolve inside the project: the tests can add any folder to `sys.path`."""
        top = (name or "").split(".")[0]
        return top in self.names or any(
            os.path.exists(os.path.join(root, top + ".py")) or os.path.isdir(os.path.join(root, top)) for root in self.roots)

    def resolve(self, name, near=()):
        parts = name.split(".")
        for root in self.roots + list(near):
            path = os.path.join(root, *parts)
            for file in (path + ".py", os.path.join(path, "__init__.py")):
                if os.path.exists(file):
                    yield file

    def follow(self, paths):
        """Parses the files and those of the project that they import; returns the libraries' modules that their import
        imports. Files that functions import are only looked at."""
        wanted, trees = [], {}
        for eager in (True, False):
            queue, seen = list(paths), set()
            while queue and len(self.files) < 300:
                path = os.path.realpath(queue.pop())
                if path in seen:
                    continue
                seen.add(path)
                self.files.add(path)
                if path not in trees:
                    trees[path] = self.parse(path)
                nodes = at_import(trees[path].body) if eager else ast.walk(trees[path])
                for node in nodes:
                    self.touchy = self.touchy or eager and sets_environment(node)
                    for name in self.names_of(node, path, queue):
                        if self.is_project(name):
                            queue += list(self.resolve(name, [os.path.dirname(path)]))
                        elif eager and name not in wanted:
                            wanted.append(name)
        return wanted

    def parse(self, path):
        try:
            with open(path, "rb") as source:
                text = source.read()
            self.touchy = self.touchy or bool(TOUCHES.search(text))
            return ast.parse(text)
        except (OSError, SyntaxError, ValueError, RecursionError):
            return ast.Module([], [])

    def names_of(self, node, path, queue):
        """The modules that a statement imports; the files of a relative import go into the queue."""
        if isinstance(node, ast.Import):
            return [a.name for a in node.names]
        if not isinstance(node, ast.ImportFrom):
            return []
        if not node.level:
            return [node.module] + [node.module + "." + a.name for a in node.names if self.is_project(node.module)]
        folder = os.path.dirname(path)
        for _ in range(node.level - 1):
            folder = os.path.dirname(folder)
        base = os.path.join(folder, *(node.module or "").split("."))
        near = [base] + [os.path.join(base, a.name) for a in node.names]
        queue += [f for b in near for f in (b + ".py", os.path.join(b, "__init__.py")) if os.path.exists(f)]
        return []

    def load(self, names):
        """Imports modules of the standard library and of installed packages."""
        for name in names:
            top = name.split(".")[0]
            if name in sys.modules or name in self.tried or top in NEVER or top in self.later or self.is_project(name):
                continue
            self.tried.add(name)
            try:
                spec = importlib.util.find_spec(top)
            except Exception:
                continue
            origin = spec and (spec.origin or next(iter(spec.submodule_search_locations or []), ""))
            if not origin or origin not in ("built-in", "frozen") and not os.path.realpath(origin).startswith(self.libraries):
                continue
            before = set(sys.modules)
            with warnings.catch_warnings(record=True) as heard:
                warnings.simplefilter("always")
                try:
                    importlib.import_module(name)
                except (Exception, SystemExit):
                    continue
            if heard:
                self.forget(set(sys.modules) - before, top)

    def forget(self, modules, top):
        """A module that warns when it is imported must warn in the job's process: it is imported there."""
        new = [m for m in modules if m.split(".")[0] == top]
        extension = any(isinstance(getattr(getattr(sys.modules[m], "__spec__", None), "loader", None),
                                   importlib.machinery.ExtensionFileLoader) for m in new)
        if not extension:
            for name in new:
                del sys.modules[name]

    def shadowed(self, runner, early, late):
        """Known modules whose names the project's own files take: `statistics.py` beside FILE. `early` are the folders that
        are on `sys.path` before the real runner is imported; of the others, what the runner imports itself stays."""
        finders = importlib.machinery.BuiltinImporter, importlib.machinery.FrozenImporter
        standard = getattr(sys, "stdlib_module_names", set(sys.modules))

        def known(name):
            return name in sys.modules or name in standard or any(
                os.path.isdir(l + name) or os.path.exists(l + name + ".py") for l in self.libraries)

        def taken(roots):
            names = set()
            for root in roots:
                try:
                    entries = os.listdir(root)
                except OSError:
                    continue
                for entry in entries:
                    stem = entry[:-3] if entry.endswith(".py") else entry
                    if entry.endswith(".py") or os.path.exists(os.path.join(root, entry, "__init__.py")):
                        names.add(stem)
            names -= self.started | {"test", "tests", "docs", "examples", "setup", "conftest", "__main__"}
            return {n for n in names if n.isidentifier() and known(n) and not any(f.find_spec(n) for f in finders)}
        early, late = taken(early), taken(late)
        return early | (late - imported_by(runner) if late - early else set())

    def purge(self, names):
        for module in list(sys.modules):
            if module.split(".")[0] in names:
                del sys.modules[module]
