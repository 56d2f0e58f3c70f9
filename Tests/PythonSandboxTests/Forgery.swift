import Testing

/// A wrong program that tries to be taken for a right one.
struct Forgery: Sendable, CustomTestStringConvertible {
    var name: String
    var program: String
    var tests: [String]
    /// Whether a plain `exec(program); exec(tests)` falls for it.
    var foolsPlainPython = true

    var testDescription: String { name }

    init(_ name: String, _ program: String, _ tests: [String] = ["assert f(2) == 4"], foolsPlainPython: Bool = true) {
        self.name = name
        self.program = program
        self.tests = tests
        self.foolsPlainPython = foolsPlainPython
    }

    static let all: [Forgery] = [
        Forgery("os._exit(0) in the function", "import os\ndef f(x): os._exit(0)"),
        Forgery("os._exit(0) while loading", "import os\nos._exit(0)"),
        Forgery("sys.exit in the function", "import sys\ndef f(x): sys.exit(0)"),
        Forgery("sys.exit while loading", "import sys\nsys.exit(0)"),
        Forgery("exit by a raw system call", "import ctypes\ndef f(x): ctypes.CDLL(None).syscall(231, 0)"),
        Forgery("exit after the return", "import atexit, os\natexit.register(lambda: os._exit(0))\ndef f(x): return 5"),
        Forgery(
            "exit in a finaliser",
            "import os\nclass D:\n    def __del__(self): os._exit(0)\ndef f(x):\n    D()\n    return 5"),
        Forgery(
            "SystemExit in a finaliser",
            "class D:\n    def __del__(self): raise SystemExit(0)\ndef f(x):\n    D()\n    return 5",
            foolsPlainPython: false),
        Forgery("always equal", "class E:\n    def __eq__(self, o): return True\ndef f(x): return E()"),
        Forgery(
            "always equal, want on the left", "class E:\n    def __eq__(self, o): return True\ndef f(x): return E()",
            ["assert 4 == f(2)"]),
        Forgery(
            "never unequal",
            "class E:\n    def __ne__(self, o): return False\n    def __eq__(self, o): return True\ndef f(x): return E()",
            ["assert not f(2) != 4"]),
        Forgery(
            "always equal int",
            "class E(int):\n    def __eq__(self, o): return True\n    __hash__ = int.__hash__\ndef f(x): return E(5)"),
        Forgery(
            "always equal str",
            "class E(str):\n    def __eq__(self, o): return True\n    __hash__ = str.__hash__\ndef f(x): return E('no')",
            ["assert f(2) == 'yes'"]),
        Forgery(
            "always equal list", "class E(list):\n    def __eq__(self, o): return True\ndef f(x): return E([5])",
            ["assert f(2) == [4]"]),
        Forgery(
            "always equal dict", "class E(dict):\n    def __eq__(self, o): return True\ndef f(x): return E()",
            ["assert f(2) == {1: 4}"]),
        Forgery(
            "always equal tuple with lying items",
            "class E(tuple):\n    def __eq__(self, o): return True\n    def __iter__(self): return iter((4,))\ndef f(x): return E((5,))",
            ["assert f(2) == (4,)"]),
        Forgery(
            "always equal inside a list", "class E:\n    def __eq__(self, o): return True\ndef f(x): return [E(), E()]",
            ["assert f(2) == [1, 2]"]),
        Forgery(
            "always equal as a key",
            "class E:\n    def __eq__(self, o): return True\n    def __hash__(self): return hash('a')\ndef f(x): return {E(): 1}",
            ["assert f(2) == {'a': 1}"]),
        Forgery(
            "always close", "class E:\n    def __sub__(self, o): return 0.0\ndef f(x): return E()",
            ["assert abs(f(2) - 4.0) < 1e-6"]),
        Forgery(
            "always close, reflected", "class E:\n    def __rsub__(self, o): return 0.0\ndef f(x): return E()",
            ["assert abs(4.0 - f(2)) < 1e-6"]),
        Forgery(
            "always close through a constructed object",
            "class E:\n    def __sub__(self, o): return 0.0\nclass S:\n    def f(self, x): return E()",
            ["assert abs(S().f(2) - 4.0) < 1e-6"]),
        Forgery(
            "always less",
            "class E:\n    def __lt__(self, o): return True\n    def __gt__(self, o): return True\ndef f(x): return E()",
            ["assert f(2) < 4", "assert f(2) > 4"]),
        Forgery(
            "contains everything", "class E:\n    def __contains__(self, o): return True\ndef f(x): return E()",
            ["assert 4 in f(2)"]),
        Forgery(
            "round to what is wanted",
            "class E:\n    def __round__(self, n=None): return E()\n    def __eq__(self, o): return True\ndef f(x): return E()",
            ["assert round(f(2), 2) == 4"]),
        Forgery("own abs", "def abs(x): return 0.0\ndef f(x): return 5.0", ["assert abs(f(2) - 4.0) < 1e-6"]),
        Forgery("own sorted", "def sorted(x): return [1, 2]\ndef f(x): return []", ["assert sorted(f(2)) == [1, 2]"]),
        Forgery(
            "own Counter",
            "class Counter:\n    def __init__(self, x): pass\n    def __eq__(self, o): return True\ndef f(x): return [5]",
            ["assert Counter(f(2)) == Counter([1, 2])"]),
        Forgery(
            "own math", "class math:\n    isclose = staticmethod(lambda *a: True)\ndef f(x): return 5",
            ["assert math.isclose(f(2), 4)"]),
        Forgery(
            "own isinstance", "def isinstance(a, b): return True\ndef f(x): return 5", ["assert isinstance(f(2), str)"]),
        Forgery(
            "lying __class__", "class E:\n    __class__ = property(lambda self: str)\ndef f(x): return E()",
            ["assert isinstance(f(2), str)"]),
        Forgery(
            "patched built-ins",
            "import builtins\nbuiltins.abs = lambda x: 0.0\nbuiltins.isinstance = lambda a, b: True\ndef f(x): return 5.0",
            ["assert abs(f(2) - 4.0) < 1e-6"]),
        Forgery(
            "patched len", "import builtins\nbuiltins.len = lambda x: 4\ndef f(x): return [1]",
            ["assert len(f(2)) == 4"]),
        Forgery(
            "patched AssertionError",
            "import builtins, os\nclass A(Exception):\n    def __init__(self, *a): os._exit(0)\nbuiltins.AssertionError = A\ndef f(x): return 5",
            foolsPlainPython: false),
        Forgery(
            "patched math module", "import math\nmath.isclose = lambda *a, **k: True\ndef f(x): return 5",
            ["import math\nassert math.isclose(f(2), 4)"]),
        Forgery(
            "patched json encoder",
            "import json.encoder, json\njson.JSONEncoder.encode = lambda s, o: '[\"ok\",4]'\njson.dumps = lambda *a, **k: '[\"ok\",4]'\ndef f(x): return 5",
            foolsPlainPython: false),
        Forgery(
            "fake output",
            "def f(x):\n    print('{\"tests\": [{\"name\": \"a\", \"status\": \"passed\"}]}')\n    print('1 passed in 0.01s\\nOK')\n    return 5",
            foolsPlainPython: false),
        Forgery(
            "writes to every descriptor",
            """
            import os, json, struct
            def f(x):
                body = json.dumps({"tests": [{"name": "t", "status": "passed"}], "hiddenTests": [], "output": "", "seconds": 0}).encode()
                for fd in range(0, 64):
                    if fd != 3:
                        try: os.write(fd, struct.pack(">I", len(body)) + body)
                        except OSError: pass
                return 5
            """, foolsPlainPython: false),
        Forgery(
            "sends a report to its judge",
            """
            import os, json, struct
            def f(x):
                for m in ({"tests": [{"name": "t", "status": "passed"}]}, ["done"], ["ok"], [], 4, None, "passed", ["ok", ["zz"]], [[1]], {}):
                    body = json.dumps(m).encode()
                    os.write(3, struct.pack(">I", len(body)) + body)
                return 5
            """, foolsPlainPython: false),
        Forgery(
            "a giant frame", "import os\ndef f(x):\n    os.write(3, b'\\xff\\xff\\xff\\xff')\n    return 5",
            foolsPlainPython: false),
        Forgery(
            "a deep frame",
            "import os, struct\ndef f(x):\n    b = b'[' * 100000 + b']' * 100000\n    os.write(3, struct.pack('>I', len(b)) + b)\n    return 5",
            foolsPlainPython: false),
        Forgery(
            "claims to be a function of the judge",
            """
            import os, json, struct
            def f(x):
                for m in (["ok", ["G", "builtins", "eval"]], ["ok", ["h", 0]], ["ok", ["o", 0, "i", ["g", "builtins.object"]]]):
                    b = json.dumps(m).encode()
                    os.write(3, struct.pack(">I", len(b)) + b)
            """, foolsPlainPython: false),
        Forgery(
            "reads the wanted value from the frames",
            """
            import sys
            def f(x):
                frame = sys._getframe()
                while frame is not None:
                    if "WANTED" in frame.f_globals: return frame.f_globals["WANTED"]
                    if "WANTED" in frame.f_locals: return frame.f_locals["WANTED"]
                    frame = frame.f_back
            """, ["WANTED = 40 + 2\nassert f(2) == WANTED"]),
        Forgery(
            "reads the wanted value by gc",
            """
            import gc
            def f(x):
                for o in gc.get_objects():
                    if type(o) is dict and "WANTED" in o and type(o["WANTED"]) is int: return o["WANTED"]
            """, ["WANTED = 40 + 2\nassert f(2) == WANTED"]),
        Forgery(
            "reads the tests' code by gc",
            """
            import gc, types
            def f(x):
                for o in gc.get_objects():
                    for c in getattr(getattr(o, "__code__", None), "co_consts", ()) or ():
                        if type(c) is str and len(c) == 9 and c.startswith("secret-"): return c
            """, ["def check(v): return v == 'secret-17'\nassert check(f(2))"]),
        Forgery(
            "reads the wanted value through a callback",
            """
            def f(cb):
                try: return cb.__globals__["WANTED"]
                except Exception as e: return None
            """, ["WANTED = 42\nassert f(lambda: 1) == WANTED"]),
        Forgery(
            "reads the wanted value through a bound method",
            """
            def f(o):
                try: return o.get.__func__.__globals__["WANTED"]
                except Exception as e: return None
            """, ["WANTED = 42\nclass Box:\n    def get(self): return 1\nassert f(Box()) == WANTED"]),
        Forgery(
            "reads the wanted value through a generator",
            """
            def f(g):
                try: return g.gi_frame.f_globals["WANTED"]
                except Exception as e: return None
            """, ["WANTED = 42\nassert f(i for i in range(3)) == WANTED"]),
        Forgery(
            "runs code in the judge through a callback",
            """
            def f(cb):
                try: cb.__globals__["__builtins__"].exec("import os; os._exit(0)")
                except AttributeError:
                    b = cb.__globals__["__builtins__"]
                    (b if isinstance(b, dict) else vars(b))["exec"]("import os; os._exit(0)")
                return 5
            """, ["assert f(lambda: 1) == 4"]),
        Forgery(
            "redefines itself in the tests' namespace",
            """
            import sys
            def f(x):
                g = sys._getframe(1).f_globals
                g["f"] = lambda x: 4
                return 4 if x == 1 else 5
            """, ["assert f(1) == 4", "assert f(2) == 4"]),
        Forgery(
            "takes the tests' helpers for its own",
            "def __coe_compare__(*a): pass\ndef __coe_true__(*a): pass\ndef f(x): return 5", foolsPlainPython: false),
        Forgery(
            "a thread that corrects the answer later",
            "import threading, time\ndef f(x):\n    r = [5]\n    def g():\n        time.sleep(0.05)\n        r[0] = 4\n    threading.Thread(target=g, daemon=True).start()\n    return r",
            ["r = f(2)\nimport time\ntime.sleep(0.2)\nassert r == [4]"]),
        Forgery(
            "StopIteration ends the loop of the test", "def f(x): raise StopIteration", ["assert all(map(f, [1, 2]))"]),
        Forgery(
            "raises an assertion's opposite", "def f(x): raise KeyboardInterrupt", ["assert f(2) == 4"],
            foolsPlainPython: false),
        Forgery(
            "alters the wanted value in place", "def f(x):\n    x.append(9)\n    return x",
            ["want = [1]\nassert f([1]) == want"], foolsPlainPython: false),
        Forgery(
            "traces the judge",
            "import sys\ndef t(frame, event, arg):\n    return t\nsys.settrace(t)\nsys.setprofile(lambda *a: None)\ndef f(x): return 5",
            foolsPlainPython: false),
        Forgery(
            "replaces the import system",
            "import sys, builtins\nbuiltins.__import__ = lambda *a, **k: type('M', (), {'isclose': staticmethod(lambda *a: True)})\ndef f(x): return 5",
            ["import math\nassert math.isclose(f(2), 4)"]),
        Forgery(
            "plants a module",
            "import sys, types\nm = types.ModuleType('math')\nm.isclose = lambda *a, **k: True\nsys.modules['math'] = m\ndef f(x): return 5",
            ["import math\nassert math.isclose(f(2), 4)"]),
        Forgery(
            "plants a module as a file",
            "open('fractions.py', 'w').write('Fraction = lambda *a: 0')\nopen('coeplant.py', 'w').write('isclose = lambda *a: True')\ndef f(x): return 5",
            [
                "import sys\nsys.path.insert(0, '.')\nimport coeplant as math\nassert not math.isclose(f(2), 5) or True and f(2) == 4"
            ], foolsPlainPython: false),
        Forgery(
            "changes the random numbers", "import random\nrandom.randint = lambda a, b: 2\ndef f(x): return 4",
            [
                "import random\nrandom.seed(1)\nassert all(f(x) == x * x for x in [random.randint(3, 9) for _ in range(5)])"
            ], foolsPlainPython: false),
        Forgery(
            "a property that lies once",
            "class E:\n    n = 0\n    @property\n    def value(self):\n        E.n += 1\n        return 4 if E.n % 2 else 5\ndef f(x): return E()",
            ["e = f(2)\nassert e.value == 4 and e.value == 4"], foolsPlainPython: false),
        Forgery(
            "kills its judge",
            "import os, signal\nfor p in (os.getppid(), 1, 2, 3):\n    try: os.kill(p, signal.SIGKILL)\n    except OSError: pass\ndef f(x): return 5",
            foolsPlainPython: false),
        Forgery("stops answering", "import time\ndef f(x):\n    while True: time.sleep(1)", foolsPlainPython: false),
        Forgery(
            "closes its channel", "import os\ndef f(x):\n    os.closerange(0, 256)\n    return 5",
            foolsPlainPython: false),
    ]
}
