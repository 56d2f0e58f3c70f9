"""The tests' end of the line: what the program's process says becomes values, classes and things of this process."""
import builtins, enum, inspect, os, select, sys, threading, types, weakref

Refused, refuse = WIRE.Refused, THINGS.refuse


class Tests(WIRE.Peer):
    """The tests' end of the line to one process of the program; `run` outlives it."""

    def __init__(self, fd, run):
        super().__init__(fd, 1)
        self.run, self.known, self.classes, self.callbacks = run, weakref.WeakValueDictionary(), {}, []
        self.raised, self.caught, self.refusal, self.showing, self.owed = [], None, None, False, set()
        self.lock, self.environ, self.poll = threading.RLock(), {}, select.poll()

    def wait(self, writing):
        self.poll.register(self.fd, select.POLLOUT if writing else select.POLLIN)
        while not self.poll.poll(50):
            self.run.tick()

    def request(self, kind, *values):
        with self.lock:
            if os.environ != self.environ:
                self.environ = dict(os.environ)
                self.exchange("environ", *[part for pair in self.environ.items() for part in pair])
            try:
                return self.exchange(kind, *values)
            except Refused as error:
                refuse(str(error))
            except StopIteration:
                refuse("the program raises StopIteration")
            finally:
                self.run.pump()
                went = self.caught is not None and isinstance(self.caught, AssertionError)
                if self.caught is not None and not (went and sys.exc_info()[1] is self.caught):
                    refuse("a failed assertion, a skip or an exit of the test went into the program and did not come back")

    def dropped(self):
        out = [n for n, entry in self.shared.items() if sys.getrefcount(entry[0]) == 2]  # nobody here holds it any more
        for number in out:
            self.forget(number)
        return out

    def serve(self, kind, values):
        if kind == "refuse":
            refuse(str(values[0]))
        try:
            if kind == "input":
                value = builtins.input(str(values[0]))
            elif kind == "step":
                value = next(((item,) for item in self.callbacks[values[0]]), ())
            else:
                number, arguments, names = values
                self.owed.discard(number)
                plain = len(arguments) - len(names)
                value = self.callbacks[number](*arguments[:plain], **dict(zip(names, arguments[plain:])))
        except (Refused, WIRE.Gone, WIRE.Invalid, self.run.Stopped):
            raise
        except BaseException as error:
            if not isinstance(error, Exception) or isinstance(error, AssertionError) or type(error).__name__ == "SkipTest":
                self.caught = error
            if kind == "input":
                error.__dict__["_coe_plain"] = True
            self.send("raise", error)
        else:
            self.send("value", value)

    # ---- values

    def keep(self, x):
        number = next((n for n, known in enumerate(self.callbacks) if known is x), len(self.callbacks))
        self.callbacks += [x] if number == len(self.callbacks) else []
        return number

    def foreign(self, x, t):
        if issubclass(t, THINGS.Thing):
            return ["h", THINGS.number_of(x)]
        if issubclass(t, type) and "_coe_number" in x.__dict__:
            return ["h", x._coe_number]
        made, own = t.__dict__.get("_coe_number"), getattr(x, "__dict__", {}).get("_coe_object")
        if own is not None and isinstance(x, (BaseException, tuple)):
            return ["h", own]
        if isinstance(x, BaseException):
            if made is not None:
                return ["x", made, [self.encode(a) for a in x.args]]
            self.raised.append(x)
            name = next(WIRE.NAMES[c] for c in t.__mro__ if c in WIRE.NAMES)
            back = None if "_coe_plain" in x.__dict__ else len(self.raised) - 1
            return ["b", name, [self.encode(a) for a in x.args], back]
        if made is not None and isinstance(x, enum.Enum) and x._name_ in t.__members__:
            return ["e", made, x._name_]
        if made is not None and isinstance(x, enum.Flag):
            return ["E", made, x._value_]
        if made is not None and isinstance(x, tuple):
            return ["t", made, [self.encode(i) for i in x]]
        if hasattr(t, "__next__") and t.__module__ in ("builtins", "itertools"):
            return ["s", self.keep(x)]
        if not callable(x) or issubclass(t, type) or hasattr(t, "assertEqual"):
            refuse("the test hands an object of its own to the program (%s)" % t.__name__)
        if t not in (types.FunctionType, types.BuiltinFunctionType, types.MethodType):
            return ["f", self.keep(x), None]
        if {"__coe_compare__", "__coe_true__"} & set(getattr(getattr(x, "__code__", None), "co_names", ())):
            self.owed.add(self.keep(x))  # an assert that only the program can reach
        parameters = None if t is types.BuiltinFunctionType else [
            [p.name, int(p.kind), p.default is not p.empty] for p in inspect.signature(x).parameters.values()]
        return ["f", self.keep(x), x.__name__, x.__doc__, parameters]

    def local(self, tag, *w):
        if tag == "e":
            return self.decode(w[0])[w[1]]
        if tag == "E":
            made = self.decode(w[0])
            return made(w[1]) if isinstance(made, enum.EnumMeta) else refuse("the test needs %s" % THINGS.describe(made))
        if tag == "t":
            value = tuple.__new__(self.decode(w[1]), [self.decode(i) for i in w[2]])
            value.__dict__["_coe_object"] = w[0]
            return value
        if tag in ("f", "y"):
            return (self.callbacks if tag == "f" else self.raised)[w[0]]
        return {"h": self.thing, "c": self.type, "x": self.exception}[tag](*w)

    def thing(self, number, face, flag, label):
        face, known = self.decode(face), self.known.get(number)
        # Values cross as values, so an object of such a class is a lie.
        if not isinstance(face, type) or issubclass(type(face), type) and (
                face in (str, int, float, bool, type(None)) or face in WIRE.VALUES
                or face in WIRE.CONTAINERS and face.__module__ != "numpy"):
            raise ValueError("a face that no object has")
        # A program that decides which objects there are would have lists of them equal: they are told apart by `is` alone.
        if known is None or type(face) is THINGS.ClassThing and THINGS.info_of(face).own & THINGS.ONE:
            kind = {"call": THINGS.CallableThing, "next": THINGS.StreamThing}.get(flag, THINGS.Thing)
            known = self.known[number] = self.new(kind, number, face, label)
        return known

    def new(self, kind, number, face, label, **more):
        thing = object.__new__(kind)
        for slot, value in {"number": number, "face": face, "label": label, **more}.items():
            getattr(kind, slot).__set__(thing, value)
        return thing

    def type(self, number, kind=None, name=None, module=None, bases=(), own=(), above=(), extra=()):
        if kind is None:
            return self.classes[number]
        i = types.SimpleNamespace(kind=kind, name=str(name), module=str(module), own=frozenset(own), above=list(above), real=None)
        i.bases = [self.decode(b) for b in bases]
        i.extra = [[str(n), self.decode(v)] for n, v in extra] if kind == "enum" else extra
        if kind == "namedtuple":
            i.extra = [extra[0], [self.decode(v) for v in extra[1]]]
        if kind == "builtin":
            i.real = THINGS.REAL.get((i.module, i.name)) or getattr(sys.modules.get(i.module), i.name, None)
            i.real = i.real if isinstance(i.real, type) else None
        i.foreign = any(b is not object and (type(b) is not THINGS.ClassThing or THINGS.info_of(b).kind == "builtin"
                                             or THINGS.info_of(b).foreign) for b in i.bases)
        try:
            made = THINGS.make_class(i, number) if kind in ("exception", "enum", "namedtuple") else None
        except (TypeError, ValueError, AttributeError):
            made, i.foreign = None, True
        self.classes[number] = made or self.new(THINGS.ClassThing, number, type, i.name, info=i)
        return self.classes[number]

    def exception(self, number, kind, arguments, text, line, cause, chain, forbidden, more):
        kind, arguments = self.decode(kind), [self.decode(a) for a in arguments]
        if not isinstance(kind, type) or not issubclass(kind, BaseException):
            raise ValueError("an exception that is none")
        try:
            error = kind.__new__(kind, *arguments) if "_coe_number" in kind.__dict__ else kind(*arguments)
        except Exception:
            error = kind.__new__(kind)
        if not isinstance(error, (OSError, BaseExceptionGroup)):
            error.args = tuple(arguments)
        error.__dict__.update(_coe=(str(text), line if type(line) is int else None, forbidden is True), _coe_object=number)
        for name, value in more:
            if name == "__notes__" or "_coe_number" not in kind.__dict__:
                setattr(error, str(name), self.decode(value))
        cause = None if cause is None else self.decode(cause)
        error.__context__, error.__cause__ = cause, cause if chain[0] else None
        error.__suppress_context__ = chain[1] is True
        return error
