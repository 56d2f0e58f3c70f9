"""The program's objects as the tests see them.

A `Thing` is a number. It can be handed back to the program, read an attribute of, and called; what the description of its
class does not decide is refused. Exceptions, enumerations and named tuples become classes and values of this process.
"""
import collections, enum, functools, sys, types

Refused = WIRE.Refused
# What may be read of an object under a name in underscores; libraries ask for others in order to use an object.
_READABLE = frozenset(
    "__name__ __qualname__ __doc__ __module__ __annotations__ __defaults__ __kwdefaults__ __wrapped__ __code__ __dict__ __mro__ "
    "__bases__ __base__ __signature__ __text_signature__ __members__ __closure__ __self__ __func__ __slots__ __all__ __version__ "
    "__match_args__ __isabstractmethod__ __abstractmethods__ __origin__ __args__ __parameters__ __no_type_check__".split())
_ABSENT = frozenset("__spec__ __path__ __file__ __loader__ __package__ __globals__ __builtins__ __objclass__".split())
_OPERATIONS = ["__%s__" % n for n in (
    "lt le gt ge len iter next contains getitem setitem delitem reversed length_hint int float complex index round trunc floor "
    "ceil abs neg pos invert enter exit await aiter anext aenter aexit dir reduce_ex copy deepcopy get mro_entries fspath bytes "
    "sizeof divmod rdivmod " + " ".join(p + n for p in ("", "r", "i") for n in
                                        "add sub mul matmul truediv floordiv mod pow lshift rshift and or xor".split())).split()]
_SHOWN = frozenset("function builtin_function_or_method generator map filter zip enumerate reversed object module method "
                   "coroutine list_iterator".split())
REAL = {(t.__module__, t.__qualname__): t for t in [
    *vars(types).values(), *vars(collections).values(), *WIRE.TYPES.values(), functools.partial] if isinstance(t, type)}
LINE = None  # this process's end of the line


def refuse(reason):
    LINE.refusal = LINE.refusal or reason
    raise Refused(LINE.refusal)


def _refusing(name):
    return lambda self, *rest, **more: refuse("the test needs %s of %s" % (name, describe(self)))


def is_thing(x):
    return issubclass(type(x), Thing)


def info(x):
    """The description of a thing's class; None where its class is one of this process."""
    return info_of(_face(x)) if type(_face(x)) is ClassThing else None


def _real(x):
    """The class of this process that a thing's class is, or None."""
    i = info(x)
    return _face(x) if i is None else i.real


def decides(x, *names):
    """Whether a special method of the program, or one that isn't known here, would decide."""
    i, real = info(x), _real(x)
    if i is not None and i.kind != "builtin":
        return i.foreign or bool(i.own & {*names})
    return real is None or any(getattr(real, n, None) is not getattr(object, n, None) for n in names)


def describe(x):
    if not is_thing(x):
        return "<%s object>" % type(x).__name__
    name = info(x).name if info(x) else _face(x).__name__
    return "<class %s>" % info_of(x).name if type(x) is ClassThing else "<function %s>" % _label(x) if name == "function" \
        else "<%s object>" % name


def _fields(x, which=0):
    return tuple(LINE.request("get", x, n) for n in info(x).extra[which])


def _is_data(x, *flags):
    i = info(x)
    return i is not None and i.kind == "dataclass" and not i.foreign and all(i.extra[f] for f in flags)


# Whoever writes one of these decides what the fields of a data class hold, or which objects there are.
ONE, _MAKING = {"__new__", "metaclass"}, {"__init__", "__post_init__", "__setattr__", "__getattribute__", "__getattr__"}


def makes(x, names):
    """Whether the program wrote one of these."""
    return info(x) is not None and info(x).kind != "builtin" and bool(info(x).own & names)


def _ordering(name):
    def method(self, other):
        if not (_is_data(self, 3) and is_thing(other) and _face(other) is _face(self)) \
                or decides(self, name) or makes(self, ONE | _MAKING):
            refuse("the test needs %s of %s" % (name, describe(self)))
        return getattr(_fields(self), name)(_fields(other))
    return method


class Thing:
    __slots__ = ("number", "face", "label", "__weakref__")

    def __getattribute__(self, name):
        if name == "__class__" and _real(self) not in (None, object):
            return _real(self)
        if name in _ABSENT:
            raise AttributeError(name)
        if name[:2] == name[-2:] == "__" and name not in _READABLE:
            refuse("the test needs %s of %s" % (name, describe(self)))
        return LINE.request("get", self, name)

    def __setattr__(self, name, value):
        LINE.request("set", self, name, value)

    def __delattr__(self, name):
        LINE.request("delete", self, name)

    def __eq__(self, other):
        data = is_thing(other) and _face(other) is _face(self) and _is_data(self, 2)
        if decides(self, "__eq__", "__ne__") or makes(self, ONE | _MAKING if data else ONE) \
                or type(other).__module__ == "numpy" or is_thing(other) and decides(other, "__eq__"):
            refuse("the test needs == of %s" % describe(self))
        if self is other:
            return True
        return _fields(self) == _fields(other) if data else False if is_thing(other) else NotImplemented  # `mock.ANY` decides

    def __hash__(self):
        if decides(self, "__eq__", "__hash__"):
            refuse("the test needs the hash of %s" % describe(self))
        return object.__hash__(self) if not _is_data(self, 2) else hash(_fields(self)) if _is_data(self, 4) else hash([])

    def __bool__(self):
        return not decides(self, "__bool__", "__len__") or refuse("the test needs to know whether %s is true" % describe(self))

    def __repr__(self):
        i = info(self)
        plain = (i.name if i else _face(self).__name__) in _SHOWN if _real(self) else not decides(
            self, "__repr__", "__str__", "__format__")
        if plain and _is_data(self):
            return "%s(%s)" % (i.extra[5], ", ".join("%s=%r" % pair for pair in zip(i.extra[1], _fields(self, 1))))
        return describe(self) if plain or LINE.showing else refuse("the program decides how %s is written" % describe(self))

    __str__ = __repr__

    def __format__(self, spec):
        return format(repr(self), spec)


def _get(self, instance, owner=None):
    """An object as an attribute of a class of the tests is no method, unless its class says so."""
    return self if not decides(self, "__get__") else refuse("the test needs __get__ of %s" % describe(self))


for _name in _OPERATIONS:
    setattr(Thing, _name, (_ordering if _name in ("__lt__", "__le__", "__gt__", "__ge__") else _refusing)(_name))
Thing.__get__ = _get
number_of, _face, _label = Thing.number.__get__, Thing.face.__get__, Thing.label.__get__


class CallableThing(Thing):
    __slots__ = ()

    def __call__(self, *arguments, **keywords):
        return LINE.request("call", self, arguments + tuple(keywords.values()), tuple(keywords))


class StreamThing(Thing):
    """An iterator of a built-in type: its items are values like others."""
    __slots__ = ()

    def __iter__(self):
        return self

    def __len__(self):
        raise TypeError("an iterator has no len()")

    def __length_hint__(self):
        return NotImplemented

    def __next__(self):
        item = LINE.request("next", self)
        if type(item) is not tuple or not item:
            raise StopIteration
        return item[0]


class ClassThing(CallableThing):
    __slots__ = ("info",)

    def __subclasscheck__(self, c):
        if info_of(self).own & {"metaclass", "__subclasshook__"}:
            refuse("the program decides what is an instance of %s" % describe(self))
        return number_of(self) in (info_of(c).above if type(c) is ClassThing else getattr(c, "_coe_above", ()))

    def __instancecheck__(self, x):
        if type(x) is ClassThing and "metaclass" in info_of(x).own:
            refuse("the test needs the class of %s" % describe(x))
        if info_of(self).kind == "builtin":
            return isinstance(x, info_of(self).real or refuse("the test asks for an instance of %s" % describe(self)))
        return ClassThing.__subclasscheck__(self, _face(x) if is_thing(x) else type(x))

    def __getitem__(self, key):
        return LINE.request("item", self, key)


info_of = ClassThing.info.__get__
for _class in (Thing, CallableThing, StreamThing, ClassThing):
    _class.__name__ = "Coe" + _class.__name__  # as errors of this process name them


def identical(a, b):
    """`is`; of two values that were copied nothing can be said."""
    if is_thing(a) and is_thing(b):
        return number_of(a) == number_of(b)
    if a is b or type(a) is not type(b):
        return a is b
    ours, theirs = (getattr(x, "__dict__", {}).get("_coe_object") for x in (a, b))
    if ours is not None and theirs is not None:
        return ours == theirs
    copied = type(a) in WIRE.VALUES or type(a) in (int, float, str) or WIRE.is_text(type(a)) or isinstance(a, tuple)
    if copied and (a == b or a != a and b != b):
        refuse("the test asks whether two equal values are one object")
    return False


def type_of(x):
    if type(x) is ClassThing and "metaclass" in info_of(x).own:
        refuse("the test needs the class of %s" % describe(x))
    return type(x) if not is_thing(x) else _real(x) or _face(x)


def is_instance(x, classes):
    """`isinstance`, which of a thing also knows that it is none of a built-in class."""
    i, asked = info(x) if is_thing(x) else None, classes if type(classes) is tuple else (classes,)
    if i is None or i.kind == "builtin" or i.foreign or i.own & {"__class__", "__getattribute__"} or not all(
            type(c) is ClassThing or type(c) is type and c is not object and c.__module__ != "typing" for c in asked):
        return isinstance(x, classes)
    return any(type(c) is ClassThing and isinstance(x, c) for c in asked)


# ---- classes that are made here


def _reach(self, name):
    """An attribute that only the program's own object has."""
    if name[:2] == "__" or name[:4] in ("_coe", "_pyt") or name[:1] == "_" and isinstance(self, enum.Enum) \
            or not hasattr(type(self), "_coe_number"):
        raise AttributeError(name)
    return LINE.request("get", self, name)


class _EnumMeta(enum.EnumMeta):
    def __getattr__(cls, name):
        if name[:1] == "_" or "_coe_number" not in cls.__dict__:
            raise AttributeError(name)
        return LINE.request("get", cls, name)


def _exception_class(i, body):
    root, module = i.module.split(".")[0], sys.modules.get(i.module)
    # Not those that steer a test run.
    known = root in sys.stdlib_module_names and root not in ("unittest", "doctest", "asyncio", "bdb")
    real = getattr(module, i.name, None) if known else None
    if not isinstance(real, type) or not issubclass(real, BaseException):
        real = None
    bases = [real] if real else [b for b in i.bases if isinstance(b, type) and issubclass(b, BaseException)] or [Exception]
    body["__str__"] = lambda e: e.__dict__["_coe"][0] if "_coe" in e.__dict__ else BaseException.__str__(e)
    body.update({n: _refusing(n) for n in i.own & {"__init__"}})
    return type(i.name, tuple(bases), body)


def _enum_class(i, body):
    if i.module == "enum" and isinstance(getattr(enum, i.name), enum.EnumMeta):
        return getattr(enum, i.name)
    if i.own & {"__new__", "__new_member__"} or any(str(n)[:1] == "_" for n, _ in i.extra):
        raise ValueError("members that are not made from their values")
    bases = tuple(b for b in i.bases if isinstance(b, type))
    space = _EnumMeta.__prepare__(i.name, bases)
    members = [("_missing_", classmethod(_refusing("_missing_")))] if "_missing_" in i.own else []
    for name, value in [(n, v) for n, v in body.items() if n[:2] == "__"] + members + i.extra:
        space[name] = value
    made = _EnumMeta(i.name, bases, space)
    for name in ("_coe_number", "_coe_above"):
        type.__setattr__(made, name, body[name])
    return made


def make_class(i, number):
    """A class of this process for one of the program's."""
    shown = set() if i.kind == "exception" else {"__str__", "__format__", "__new__", "__call__"}
    body = {n: _refusing(n) for n in i.own & {*_OPERATIONS, "__bool__", "__hash__", "__eq__", "__ne__", "__repr__", *shown}}
    if "__eq__" in body:
        body["__hash__"] = body["__eq__"]
    body.update(__module__=i.module, __getattr__=_reach, _coe_number=number, _coe_above=tuple(i.above))
    if i.kind == "namedtuple":
        return type(i.name, (collections.namedtuple(i.name, [str(f) for f in i.extra[0]], defaults=i.extra[1]),), body)
    return (_exception_class if i.kind == "exception" else _enum_class)(i, body)
