"""What crosses between the tests' process and the program's, and in which form.

A frame is a four-byte length and a JSON text, because JSON's decoder is safe on hostile input. Plain values, of exactly the
types below, cross by copy. Lists, dictionaries, sets … that both sides hold are kept equal: each message carries what changed
in them since the last one. Everything else stays where it is and crosses as a number (`foreign` of each side).
"""
import array, builtins, collections, datetime, decimal, fractions, json, operator, os, struct, sys

LARGEST_FRAME, MOST_ITEMS = 16 << 20, 1 << 20
_dumps = json.JSONEncoder(ensure_ascii=True, check_circular=False, separators=(",", ":")).encode


class Refused(BaseException):
    """A test needs what does not cross: nothing is said about the program."""


class Gone(BaseException):
    """The other side's process has ended."""


class Invalid(Exception):
    """The other side sent something that is not an answer."""


def _fields(names):
    return lambda x: [getattr(x, n) for n in names.split()]


_DAY, _CLOCK = "year month day ", "hour minute second microsecond tzinfo fold"
VALUES = {  # immutable: how each is taken apart and put together again
    bytes: (lambda x: [x.decode("latin-1")], lambda s: s.encode("latin-1")), tuple: (list, lambda *items: items),
    frozenset: (list, lambda *items: frozenset(items)), complex: (_fields("real imag"), complex),
    range: (_fields("start stop step"), range), slice: (_fields("start stop step"), slice),
    type(...): (lambda x: [], lambda: ...), type(NotImplemented): (lambda x: [], lambda: NotImplemented),
    type({}.keys()): (list, lambda *items: dict.fromkeys(items).keys()),
    type({}.values()): (list, lambda *items: dict(enumerate(items)).values()),
    type({}.items()): (list, lambda *items: dict(items).items()),
    decimal.Decimal: (lambda x: [str(x)], decimal.Decimal),
    fractions.Fraction: (_fields("numerator denominator"), fractions.Fraction),
    datetime.date: (_fields(_DAY), datetime.date),
    datetime.time: (_fields(_CLOCK), lambda *parts: datetime.time(*parts[:-1], fold=parts[-1])),
    datetime.datetime: (_fields(_DAY + _CLOCK), lambda *parts: datetime.datetime(*parts[:-1], fold=parts[-1])),
    datetime.timedelta: (_fields("days seconds microseconds"), datetime.timedelta),
    datetime.timezone: (lambda x: x.__getinitargs__(), datetime.timezone)}
TEXTS = ("pathlib.PosixPath", "pathlib.PurePosixPath", "uuid.UUID", "ipaddress.IPv4Address", "ipaddress.IPv6Address")


def is_text(t):
    return t.__module__ in ("pathlib", "uuid", "ipaddress") and "%s.%s" % (t.__module__, t.__qualname__) in TEXTS


_MAPPINGS = (dict, collections.OrderedDict, collections.Counter, collections.defaultdict)
CONTAINERS = {t: t for t in (list, set, bytearray, array.array, *_MAPPINGS)}  # how an empty one is made, from _EXTRAS
CONTAINERS[collections.deque] = lambda most: collections.deque(maxlen=most)
_EXTRAS = {collections.deque: _fields("maxlen"), collections.defaultdict: _fields("default_factory"),
           array.array: _fields("typecode")}
TYPES = {"%s.%s" % (t.__module__, t.__qualname__): t for t in [*vars(builtins).values(), *VALUES, *CONTAINERS]
         if isinstance(t, type)}
# Pure functions, which may therefore run on either side.
TYPES.update(("builtins." + n, getattr(builtins, n)) for n in
             "abs all any bin callable chr divmod hex len max min oct ord pow repr round sorted sum".split())
NAMES = {t: name for name, t in TYPES.items()}


def numpy():
    """numpy, whose arrays of numbers are containers from then on."""
    import numpy as np
    if np.ndarray not in CONTAINERS:
        CONTAINERS[np.ndarray], _EXTRAS[np.ndarray] = (lambda d, s: np.empty(s, d)), lambda x: [x.dtype.str, x.shape]
        TYPES["numpy.ndarray"], NAMES[np.ndarray] = np.ndarray, "numpy.ndarray"
    return np


def _parts(x):
    """The members of a container, to be compared by identity, or its bytes."""
    if isinstance(x, dict):
        return [*dict.keys(x), *dict.values(x)]
    return list(x) if isinstance(x, (list, set, collections.deque)) else bytes(x) if type(x) is bytearray else x.tobytes()


def _fill(x, parts):
    if isinstance(x, (list, bytearray)):
        x[:] = parts
    elif isinstance(x, array.array):
        x[:] = array.array(x.typecode, parts)
    elif not hasattr(x, "clear"):
        x[...] = numpy().frombuffer(parts, x.dtype).reshape(x.shape)
    else:
        x.clear()
        if isinstance(x, dict):
            for key, value in zip(parts[: len(parts) // 2], parts[len(parts) // 2:]):
                x[key] = value
        else:
            x.update(parts) if isinstance(x, set) else x.extend(parts)


class Peer:
    """One end of the line. A side may ask at any time; while it waits it serves the other's questions."""

    def __init__(self, fd, first):
        self.fd, self.next, self.room, self.buffer = fd, first, 0, bytearray()
        self.shared, self.numbers = {}, {}  # number -> [container, its parts at the last message]; id -> number

    def send(self, kind, *values):
        self.room = MOST_ITEMS
        try:
            data = _dumps([kind, [self.encode(v) for v in values], self.changes(), self.dropped()]).encode("ascii")
        except RecursionError:
            raise Refused("a value is nested too deeply to cross") from None
        if len(data) > LARGEST_FRAME:
            raise Refused("a value is too large to cross")
        data = memoryview(struct.pack(">I", len(data)) + data)
        try:
            while data:
                self.wait(True)
                data = data[os.write(self.fd, data):]
        except OSError:
            raise Gone() from None

    def receive(self):
        size = struct.unpack(">I", self._read(4))[0]
        if size > LARGEST_FRAME:
            raise Invalid("a frame of %d bytes" % size)
        data = self._read(size)
        try:
            kind, values, changes, dropped = json.loads(data.decode("ascii"))
            values = [self.decode(v) for v in values]
            for number, parts in changes:
                if number in self.shared:
                    self._fill(number, parts)
            for number in dropped:
                self.forget(number)
            return kind, values
        except (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError) as error:
            raise Invalid(repr(error)[:200]) from None

    def _read(self, size):
        while len(self.buffer) < size:
            self.wait(False)
            try:
                more = os.read(self.fd, 1 << 16)
            except OSError:
                more = b""
            if not more:
                raise Gone()
            self.buffer += more
        data, self.buffer = bytes(self.buffer[:size]), self.buffer[size:]
        return data

    def exchange(self, kind, *values):
        self.send(kind, *values)
        while True:
            kind, values = self.receive()
            if kind == "value":
                return values[0]
            if kind == "raise" and isinstance(values[0], BaseException):
                raise values[0]
            self.serve(kind, values)

    def encode(self, x):
        t = type(x)
        if t in (str, bytes, bytearray) and len(x) > LARGEST_FRAME:
            raise Refused("a value is too large to cross")
        if t is str and not x.isascii() and any("\ud800" <= c <= "\udfff" for c in x):
            return ["u", x.encode("utf-32-le", "surrogatepass").decode("latin-1")]  # JSON would join two halves of a pair
        if t is str or t is float or t is bool or x is None:
            return x
        if t is int:
            return x if -(1 << 63) < x < 1 << 63 else ["i", hex(x)]
        if t in (datetime.datetime, datetime.time) and x.tzinfo is not None and type(x.tzinfo) is not datetime.timezone:
            raise Refused("a time has a time zone of another class than datetime.timezone")
        if t in VALUES:
            parts = VALUES[t][0](x)
            self._take(parts)
            return ["v", NAMES[t], [self.encode(p) for p in parts]]
        if t in CONTAINERS and (t.__module__ != "numpy" or x.dtype.kind in "biufc"):
            number = self.numbers.get(id(x))
            if number is not None:
                return ["m", number]
            number, self.next = self.next, self.next + 2
            self.shared[number], self.numbers[id(x)] = [x, None], number
            return ["m", number, NAMES[t], [self.encode(e) for e in _EXTRAS.get(t, lambda x: [])(x)], self._encode_parts(x)]
        if (t is type or t is type(len)) and x in NAMES:
            return ["g", NAMES[x]]
        if is_text(t):
            return ["l", "%s.%s" % (t.__module__, t.__qualname__), str(x)]
        if t.__module__ == "numpy" and "numpy" in sys.modules and issubclass(t, (numpy().generic, numpy().ndarray)):
            if t in CONTAINERS and x.dtype.kind in "biufc":
                return self.encode(x)
            if t.__name__ != "ndarray" and x.dtype.kind in "biufc" and x.shape == ():
                return ["n", x.dtype.str, x.tobytes().decode("latin-1")]
        return self.foreign(x, t)

    def _take(self, parts):
        self.room -= len(parts)
        if self.room < 0:
            raise Refused("a value is too large to cross")

    def _encode_parts(self, x):
        parts = self.shared[self.numbers[id(x)]][1] = _parts(x)
        self._take(parts)
        return parts.decode("latin-1") if type(parts) is bytes else [self.encode(p) for p in parts]

    def decode(self, w):
        if type(w) is not list:
            return w if type(w) is not dict else self.local("?")
        tag = w[0]
        if tag == "i":
            return int(w[1], 16)
        if tag == "u":
            return w[1].encode("latin-1").decode("utf-32-le", "surrogatepass")
        if tag == "v":
            return VALUES[TYPES[w[1]]][1](*[self.decode(p) for p in w[2]])
        if tag == "g":
            return TYPES[w[1]]
        if tag == "n":
            return numpy().frombuffer(w[2].encode("latin-1"), w[1])[0]
        if tag == "l":
            module, name = TEXTS[TEXTS.index(w[1])].split(".")
            return getattr(__import__(module), name)(str(w[2]))
        if tag != "m":
            return self.local(tag, *w[1:])
        if len(w) == 2:
            return self.shared[w[1]][0]
        if w[2] == "numpy.ndarray":
            numpy()
        x = CONTAINERS[TYPES[w[2]]](*[self.decode(e) for e in w[3]])
        if type(w[1]) is not int or w[1] in self.shared:
            raise ValueError("a container's number")
        self.shared[w[1]], self.numbers[id(x)] = [x, None], w[1]
        self._fill(w[1], w[4])
        return x

    def _fill(self, number, parts):
        entry = self.shared[number]
        _fill(entry[0], parts.encode("latin-1") if type(parts) is str else [self.decode(p) for p in parts])
        entry[1] = _parts(entry[0])

    def changes(self):
        out = []
        for number, (x, before) in list(self.shared.items()):
            if before is None:  # it is being filled
                continue
            now = x if type(x) is list else _parts(x)
            if now != before if type(now) is bytes else len(now) != len(before) or not all(map(operator.is_, now, before)):
                out.append([number, self._encode_parts(x)])
        return out

    def forget(self, number):
        entry = self.shared.pop(number, None)
        if entry is not None:
            del self.numbers[id(entry[0])]
