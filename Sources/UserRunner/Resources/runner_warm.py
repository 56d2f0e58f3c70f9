"""What is imported before the fork: the runner and the libraries that the project imports, nothing of the project."""
import ast, importlib, importlib.machinery, importlib.util, os, site, sys, sysconfig, warnings

# Modules that do something when they are imported.
NEVER = {"this", "antigravity", "__hello__", "__phello__", "idlelib", "turtledemo", "distutils", "setuptools", "pkg_resources",
         "test", "coverage", "__main__", "sitecustomize", "usercustomize", "tensorflow", "gevent", "eventlet"}


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

    def is_project(self, name):
        """Whether a module name resolves inside the project."""
        top = (name or "").split(".")[0]
        return any(os.path.exists(os.path.join(root, top + ".py")) or os.path.isdir(os.path.join(root, top)) for root in self.roots)

    def resolve(self, name):
        parts = name.split(".")
        for root in self.roots:
            path = os.path.join(root, *parts)
            for file in (path + ".py", os.path.join(path, "__init__.py")):
                if os.path.exists(file):
                    yield file

    def follow(self, paths):
        """Parses the files and those of the project that they import; returns the libraries' modules."""
        wanted, queue = [], list(paths)
        while queue and len(self.files) < 300:
            path = os.path.realpath(queue.pop())
            if path in self.files:
                continue
            self.files.add(path)
            try:
                with open(path, "rb") as source:
                    tree = ast.parse(source.read())
            except (OSError, SyntaxError, ValueError, RecursionError):
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.Import):
                    names = [a.name for a in node.names]
                elif isinstance(node, ast.ImportFrom):
                    if node.level:
                        folder = os.path.dirname(path)
                        for _ in range(node.level - 1):
                            folder = os.path.dirname(folder)
                        base = os.path.join(folder, *(node.module or "").split("."))
                        near = [base] + [os.path.join(base, a.name) for a in node.names]
                        queue += [f for b in near for f in (b + ".py", os.path.join(b, "__init__.py")) if os.path.exists(f)]
                        continue
                    names = [node.module] + [node.module + "." + a.name for a in node.names if self.is_project(node.module)]
                else:
                    continue
                for name in names:
                    if self.is_project(name):
                        queue += list(self.resolve(name))
                    elif name not in wanted:
                        wanted.append(name)
        return wanted

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

    def shadowed(self):
        """Loaded modules whose names the project's own files take: `statistics.py` beside FILE."""
        names = set()
        for root in self.roots:
            try:
                entries = os.listdir(root)
            except OSError:
                continue
            for entry in entries:
                stem = entry[:-3] if entry.endswith(".py") else entry
                if stem.isidentifier() and (entry.endswith(".py") or os.path.exists(os.path.join(root, entry, "__init__.py"))):
                    names.add(stem)
        finders = importlib.machinery.BuiltinImporter, importlib.machinery.FrozenImporter
        standard = getattr(sys, "stdlib_module_names", set(sys.modules))
        out = set()
        for name in names - self.started - {"test", "__main__"}:
            if name in sys.modules or name in standard:
                if not any(f.find_spec(name) for f in finders):
                    out.add(name)
        return out

    def purge(self, names):
        for module in list(sys.modules):
            if module.split(".")[0] in names:
                del sys.modules[module]
