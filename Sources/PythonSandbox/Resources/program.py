"""The process in which the candidate's code runs: loads it, then answers the tests' process until it is killed.

Nothing here is trusted: a program may change all of it. What it reaches by that is another answer, and an answer is only ever
a value, the description of a class, or a number that the tests' process hands back.
"""
import _abc, abc, builtins, dataclasses, enum, errno, inspect, io, os, resource, signal, sys, threading, types

# Methods that these files write are described by the kind of the class, not taken for the program's own.
_GENERATORS = {"namedtuple": ("<string>", "collections/__init__.py"), "dataclass": ("<string>", "dataclasses.py"),
               "enum": ("enum.py",)}
_FORBIDDEN = (errno.EPERM, errno.ENOSYS, errno.EROFS)


def _is_builtin(t):
    return bool(t.__flags__ & 1 << 8) or not t.__flags__ & 1 << 9  # immutable, or not made by a class statement


def _kind(t):
    if issubclass(t, (BaseException, enum.Enum)):
        return "exception" if issubclass(t, BaseException) else "enum"
    if issubclass(t, tuple) and type(getattr(t, "_fields", None)) is tuple and t.__mro__[-2] is tuple:
        return "namedtuple"
    return "builtin" if _is_builtin(t) else "dataclass" if dataclasses.is_dataclass(t) else "plain"


def _own_methods(t, kind):
    """The special methods that the program wrote: those decide nothing in a test."""
    base, out = next((c for c in type.mro(t) if c.__module__ == "enum"), None), set()
    for c in type.mro(t):
        for name, value in () if _is_builtin(c) else type.__dict__["__dict__"].__get__(c).items():
            value = getattr(value, "__func__", value)
            code = getattr(value, "__code__", None)
            made = code is not None and code.co_filename.endswith(_GENERATORS.get(kind, ()))
            decides = callable(value) or hasattr(type(value), "__get__") or name == "__hash__" and kind != "dataclass"
            if (name[:2] == name[-2:] == "__" or name == "_missing_") and decides and not made:
                out |= {name} if base is None or value is not getattr(base, name, None) else set()
    out -= {"__dict__", "__weakref__"}
    if kind == "dataclass":
        fields = dataclasses.fields(t)
        if not t.__dataclass_params__.eq and t.__eq__ is not object.__eq__:
            out.add("__eq__")
        if not all(f.compare for f in fields) or any(
                hasattr(type(inspect.getattr_static(t, f.name, None)), "__set__") and
                type(inspect.getattr_static(t, f.name)) is not types.MemberDescriptorType for f in fields):
            out.add("__setattr__")
    if type(t) is abc.ABCMeta and _abc._get_dump(t)[0]:  # others were registered as its subclasses
        out.add("metaclass")
    return sorted(out) + ([] if type(t) in (type, enum.EnumMeta) or type(t).__module__ == "abc" else ["metaclass"])


class Callback:
    """A callable object of the tests; it can be called, nothing else."""

    def __init__(self, peer, call):
        self.__dict__.update(_peer=peer, _call=call)

    def __call__(self, *arguments, **keywords):
        return self._call(*arguments, **keywords)

    def __getattr__(self, name):
        if name[:2] != "__":
            self._peer.refusal = "the program reads %r of an object that the tests made" % name
        raise AttributeError(name)


class Program(WIRE.Peer):
    """The program's end of the line."""

    def __init__(self, fd):
        super().__init__(fd, 2)
        self.objects, self.exported, self.described, self.callbacks, self.refusal = [], {}, set(), {}, None

    def wait(self, writing):
        """Waits in the system call itself."""

    def dropped(self):
        return []  # only the tests let go of containers

    def export(self, x):
        if id(x) not in self.exported:
            self.exported[id(x)] = len(self.objects)
            self.objects.append(x)
        return self.exported[id(x)]

    def foreign(self, x, t):
        if id(x) in self.callbacks:
            return ["f", self.callbacks[id(x)][1]]
        if issubclass(t, type):
            return self.type(x)
        kind = _kind(t)
        if kind == "enum" and x._name_ in t.__members__:
            return ["e", self.type(t), x._name_]
        if kind == "enum" and isinstance(x, enum.Flag) and type(x._value_) is int:
            return ["E", self.type(t), x._value_]
        if kind == "namedtuple":
            return ["t", self.export(x), self.type(t), [self.encode(i) for i in tuple.__iter__(x)]]
        if kind == "exception":
            return self.exception(x, t)
        flag = "call" if callable(x) else "next" if kind == "builtin" and hasattr(t, "__next__") else ""
        return ["h", self.export(x), self.type(t), flag, x.__name__ if t is types.FunctionType else None]

    def type(self, t):
        """A class: by name where both sides have it, else by its structure."""
        if type(t) is type and t in WIRE.NAMES:
            return ["g", WIRE.NAMES[t]]
        number, kind, extra = self.export(t), _kind(t), []
        if number in self.described:
            return ["c", number]
        self.described.add(number)
        if kind == "enum":
            extra = [[n, self.encode(m._value_)] for n, m in t.__members__.items()]
        elif kind == "namedtuple":
            extra = [list(t._fields), [self.encode(v) for v in getattr(t, "_field_defaults", {}).values()]]
        elif kind == "dataclass":
            fields, p = dataclasses.fields(t), t.__dataclass_params__
            extra = [[f.name for f in fields if f.compare], [f.name for f in fields if f.repr], p.eq, p.order,
                     p.frozen or p.unsafe_hash, str(t.__qualname__)]
        bases = [] if kind == "builtin" else [self.type(b) for b in type.__dict__["__bases__"].__get__(t)]
        above = [self.export(c) for c in type.mro(t) if not _is_builtin(c)]
        name = str(type.__dict__["__name__"].__get__(t))
        return ["c", number, kind, name, str(t.__module__), bases, _own_methods(t, kind), above, extra]

    def exception(self, x, t, depth=0):
        if "_coe_raised" in x.__dict__:  # an exception of the tests comes back
            return ["y", x.__dict__["_coe_raised"]]
        arguments, tb, line, text = BaseException.args.__get__(x), x.__traceback__, None, ""
        if isinstance(x, OSError) and x.filename is not None:
            arguments = (x.errno, x.strerror, x.filename)
        while tb is not None:
            line, tb = tb.tb_lineno if tb.tb_frame.f_code.co_filename == "<program>" else line, tb.tb_next
        try:
            text = str(x)
        except BaseException:
            pass
        cause = x.__cause__ or x.__context__
        cause = self.exception(cause, type(cause), depth + 1) if cause is not None and depth < 10 else None
        forbidden = isinstance(x, OSError) and (x.errno in _FORBIDDEN or x.errno == errno.ENOENT and x.filename is None)
        more = [[n, self.encode(v)] for n, v in x.__dict__.items() if type(n) is str and (
            _is_builtin(t) and n[:4] != "_coe" or n == "__notes__")]
        if t in (ImportError, ModuleNotFoundError, NameError, AttributeError) and type(x.name) is str:
            more.append(["name", x.name])
        return ["x", self.export(x), self.type(t), [self.encode(a) for a in arguments], text if type(text) is str else "",
                line, cause, [x.__cause__ is not None, x.__suppress_context__], forbidden, more]

    def local(self, tag, number=None, *rest):
        if tag == "h":
            return self.objects[number]
        if tag in ("x", "t"):  # made by the tests from a class of the program
            made = self.objects[number]
            return (made if tag == "x" else lambda *items: made._make(items))(*[self.decode(a) for a in rest[0]])
        if tag == "e":
            return self.objects[number][rest[0]]
        if tag == "E":
            return self.objects[number](rest[0])
        if tag == "b":
            error = WIRE.TYPES[number](*[self.decode(a) for a in rest[0]])
            error.__dict__.update({} if rest[1] is None else {"_coe_raised": rest[1]})
            return error
        for function, known in self.callbacks.values():
            if known == number:
                return function

        def ask(*arguments, **keywords):
            return self.question("invoke", number, arguments + tuple(keywords.values()), tuple(keywords))

        def stream():
            while item := self.question("step", number):
                yield item[0]
        if tag == "s":
            return stream()
        function = ask if rest[0] is not None else Callback(self, ask)
        if rest[0] is not None:
            ask.__name__, ask.__qualname__, ask.__doc__ = rest[0], rest[0], rest[1]
            ask.__signature__ = rest[2] and inspect.Signature([inspect.Parameter(
                n, inspect._ParameterKind(k), default=None if d else inspect.Parameter.empty) for n, k, d in rest[2]])
        self.callbacks[id(function)] = function, number
        return function

    def question(self, *message):
        if threading.current_thread() is not threading.main_thread():
            self.refusal = "the program calls the tests from a thread of its own"
            raise RuntimeError(self.refusal)
        return self.exchange(*message)

    def serve(self, kind, values):
        try:
            answer = "value", getattr(self, "do_" + kind)(*values)
        except BaseException as error:
            error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
            answer = "raise", error
        for stream in (sys.stdout, sys.__stdout__, sys.stderr):
            try:
                stream.flush()
            except BaseException:
                pass
        try:
            self.send("refuse", self.refusal) if self.refusal else self.send(*answer)
        except WIRE.Refused as error:
            self.send("refuse", str(error))
        except MemoryError:
            self.send("raise", MemoryError())

    def do_load(self, name, sources, called, memory, cpu, file, processes):
        seconds = max(1, int(cpu + 0.999))
        for kind, value in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, file), (resource.RLIMIT_NPROC, processes)):
            hard = resource.getrlimit(kind)[1]
            resource.setrlimit(kind, (value if hard == -1 else min(value, hard),) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        # The limit above counts in whole seconds. A program may undo this one, and meets that one then.
        signal.setitimer(signal.ITIMER_PROF, cpu)
        sys.modules[name] = module = types.ModuleType(name)
        builtins.input = lambda prompt="", /: self.question("input", str(prompt))
        for filename, source in sources:
            exec(compile(source, filename, "exec", 0, True), module.__dict__)
        functions = [(n, (v,)) for n in called if type(v := module.__dict__.get(n)) in (types.FunctionType, type)]
        return (module, *functions)

    def do_name(self, module, name):
        """Of a name of the program: nothing, or one value, or for a module its name and itself."""
        if name not in module.__dict__:
            return ()
        value = module.__dict__[name]
        return (value, value.__name__) if type(value) is types.ModuleType else (value,)

    def do_environ(self, *variables):
        os.environ.clear()
        os.environ.update(zip(variables[::2], variables[1::2]))

    def do_call(self, function, arguments, names):
        plain = len(arguments) - len(names)
        return function(*arguments[:plain], **dict(zip(names, arguments[plain:])))

    def do_next(self, x):
        return next(((item,) for item in x), ())

    do_get, do_set, do_delete, do_item = map(staticmethod, (getattr, setattr, delattr, lambda x, key: x[key]))


def main(fd):
    def text(fd, **more):
        return io.TextIOWrapper(io.BufferedWriter(io.FileIO(fd, "w", closefd=False)), "utf-8", "backslashreplace", **more)
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), encoding="utf-8")
    sys.stdout = sys.__stdout__ = text(1)
    sys.stderr = sys.__stderr__ = text(2, line_buffering=True)
    peer = Program(fd)
    try:
        while True:
            peer.serve(*peer.receive())
    except (WIRE.Gone, WIRE.Invalid):
        os._exit(0)
