"""Where a job's process writes: nothing that it does to the project is left for the next job, nothing reaches the disk.

`overlay`: each job's process mounts an overlay of its own over the project (CAP_SYS_ADMIN, dropped afterwards).
`restore`: the project's folder is a file system in memory, filled from `pristine`, put right again after each job.
`copy`: the same on a copy in the temporary folder, for tests and where there is no jail.
`none`: somebody else cares for it.
"""
import ctypes, os, shutil, stat, tempfile

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 32, 4096, 0x4000, 1 << 18
CLONE_NEWNS, CAP_SYS_ADMIN = 0x20000, 21
# What root keeps: the rights on files, signals, identities and low ports. A jail holds nothing that they could harm.
ROOT = 0b1111 << 0 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 10
LINKED = {".git", ".hg", ".svn", "node_modules", ".venv", "venv", ".tox", ".nox", ".mypy_cache", ".ruff_cache"}
LARGE = 8 << 20


def libc():
    return ctypes.CDLL(None, use_errno=True)


def mount(source, target, kind, flags, options):
    words = [w.encode() if isinstance(w, str) else w for w in (source, target, kind, options)]
    if libc().mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "mounting %s on %s: %s" % (kind or "private", target, os.strerror(number)))


def drop_capabilities():
    """Gives up what the mounts needed, for this process and all that it starts."""
    c = libc()
    header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if os.getuid() == 0 and c.capget(header, data) == 0:
        kept = data[1] & ROOT
    else:
        kept = 0
    for capability in range(64):
        if not kept >> capability & 1:
            c.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
    c.prctl(47, 4, 0, 0, 0)  # PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL
    if c.capset(header, (ctypes.c_uint32 * 6)(kept, kept)) != 0:
        raise OSError(ctypes.get_errno(), "dropping capabilities")
    c.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS


def furnish(files):
    """Writes small files of the jail's own, then makes its root read-only."""
    for path, text in files.items():
        if not os.path.exists(path):
            try:
                with open(path, "w") as file:
                    file.write(text)
            except OSError:
                pass
    try:
        mount(None, "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, None)
    except OSError:
        pass  # only the jail's own memory can be written


class Layer:
    def __init__(self, kind, project, pristine=None, scratch=(), stage=None, hidden=()):
        self.hidden = hidden
        self.kind, self.project, self.pristine, self.stage, self.index = kind, project, pristine, stage, {}
        self.home = project  # the path in use
        self.problem = None
        if kind == "copy":
            self.pristine = project
            self.folder = tempfile.mkdtemp(prefix="coe-runner-")
            self.home = os.path.join(os.path.realpath(self.folder), os.path.basename(project.rstrip("/")) or "project")
            os.mkdir(self.home)
        if kind in ("copy", "restore"):
            self.fill()
        if kind == "overlay":
            self.stage = stage or tempfile.mkdtemp(prefix="coe-layer-")
            self.try_overlay()
        self.scratch = {folder: set(os.listdir(folder)) for folder in scratch if os.path.isdir(folder)}

    def try_overlay(self):
        """Sets `problem` when a process can't mount its overlay."""
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                self.enter()
            except BaseException as error:
                os.write(writing, str(error).encode("utf-8", "replace"))
            os._exit(0)
        os.close(writing)
        os.waitpid(pid, 0)
        text = os.read(reading, 4096).decode("utf-8", "replace")
        os.close(reading)
        if text:
            self.problem = "The jail can't lay an overlay over %s: %s. Use the layer 'restore'." % (self.project, text)

    def enter(self, file=None, data=b""):
        """In a job's process, before it changes anything; lays a candidate in FILE's place."""
        if self.kind == "overlay":
            self.overlay()
        if file is not None:
            self.lay(file, data)
        if self.kind == "overlay":
            drop_capabilities()

    def lay(self, file, data):
        """Writes FILE, or replaces it where it is read-only, or mounts over it where its folder is somebody else's."""
        try:
            write(file, data)
            return
        except PermissionError:
            pass
        try:
            mode = stat.S_IMODE(os.stat(file).st_mode)
            os.unlink(file)
            write(file, data)
            os.chmod(file, mode)
        except PermissionError:
            if self.kind != "overlay":
                raise
            candidate = os.path.join(self.stage, "candidate")
            write(candidate, data)
            mount(candidate, file, None, MS_BIND, None)

    def overlay(self):
        if libc().unshare(CLONE_NEWNS) != 0:
            number = ctypes.get_errno()
            raise OSError(number, "a mount name space for a job: " + os.strerror(number))
        mount(None, "/", None, MS_REC | MS_PRIVATE, None)
        mount("tmpfs", self.stage, "tmpfs", 0, "mode=0755")
        upper, work = os.path.join(self.stage, "upper"), os.path.join(self.stage, "work")
        os.mkdir(upper)
        os.mkdir(work)
        lower = self.project.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")
        options = "lowerdir=%s,upperdir=%s,workdir=%s" % (lower, upper, work)
        for more in (",redirect_dir=on", ",userxattr", ""):  # the first, for root alone, lets folders be renamed
            try:
                mount("overlay", self.project, "overlay", 0, options + more)
                break
            except OSError:
                if not more:
                    raise
        for path in self.hidden:
            if os.path.isdir(path):
                mount("tmpfs", path, "tmpfs", MS_RDONLY, "mode=0755")
            elif os.path.exists(path):
                mount(os.devnull, path, None, MS_BIND, None)

    def fill(self):
        for path, entry in walk(self.pristine):
            target = os.path.join(self.home, path)
            self.restore(path, target, entry)
        self.index = {path: sign(entry) for path, entry in walk(self.home)}

    def restore(self, path, target, entry):
        source = os.path.join(self.pristine, path)
        if os.path.lexists(target):
            if entry.is_dir(follow_symlinks=False) and not os.path.islink(target) and os.path.isdir(target):
                return
            if self.kind == "restore" and path not in self.index:
                return  # another mount put it there
            remove(target)
        name = os.path.basename(path)
        if entry.is_symlink():
            os.symlink(os.readlink(source), target)
        elif entry.is_dir():
            if name in LINKED:
                os.symlink(source, target)
            else:
                os.mkdir(target)
                shutil.copystat(source, target)
        elif entry.is_file():
            if entry.stat().st_size > LARGE:
                os.symlink(source, target)
            else:
                try:
                    shutil.copy2(source, target)
                except OSError:
                    pass  # unreadable for us, so for the tests

    def reset(self):
        """After a job: the project and the scratch folders as they were."""
        for folder, names in self.scratch.items():
            for name in set(os.listdir(folder)) - names:
                path = os.path.join(folder, name)
                if not os.path.ismount(path):
                    remove(path)
        if self.kind not in ("copy", "restore"):
            return
        found, changed = {}, []
        for path, entry in list(walk(self.home)):
            if path not in self.index:
                remove(os.path.join(self.home, path))
            else:
                found[path] = sign(entry)
        for path, wanted in self.index.items():
            if found.get(path) != wanted:
                changed.append(path)
        if changed:
            originals = dict(walk(self.pristine))
            for path in changed:
                target = os.path.join(self.home, path)
                if path in originals:
                    if not (os.path.isdir(target) and not os.path.islink(target)):
                        remove(target)
                    self.restore(path, target, originals[path])
                    if os.path.isdir(target) and not os.path.islink(target):
                        os.chmod(target, stat.S_IMODE(os.stat(os.path.join(self.pristine, path)).st_mode))
            present = dict(walk(self.home))
            for path in changed:
                if path in present:
                    self.index[path] = sign(present[path])

    def close(self):
        if self.kind == "copy":
            remove(self.folder)
        elif self.kind == "overlay" and self.stage.startswith(tempfile.gettempdir()):
            remove(self.stage)


def sign(entry):
    """What a change of a file changes; a folder's times do not count."""
    status = entry.stat(follow_symlinks=False)
    if stat.S_ISDIR(status.st_mode):
        return status.st_mode,
    return status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino


def walk(folder, below=""):
    """Relative paths and entries, a folder before its contents."""
    try:
        entries = sorted(os.scandir(os.path.join(folder, below)), key=lambda e: e.name)
    except OSError:
        return
    for entry in entries:
        path = os.path.join(below, entry.name)
        if entry.name == "__pycache__":
            continue
        yield path, entry
        if entry.is_dir(follow_symlinks=False) and entry.name not in LINKED:
            yield from walk(folder, path)


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def remove(path):
    """Removes a file or a folder, whatever modes the tests gave it."""
    def again(function, name, _):
        try:
            os.chmod(os.path.dirname(name), 0o700)
            os.chmod(name, 0o700)
            function(name)
        except OSError:
            pass
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, onerror=again)
    else:
        try:
            os.unlink(path)
        except OSError:
            pass
