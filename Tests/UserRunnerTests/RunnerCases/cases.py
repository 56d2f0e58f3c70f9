"""Cases for `scripts/compare-runners`: small programs with tests as people write them, a broken and a correct version each.

In a program `⟦bad¦good⟧` marks what differs between the two versions. `expected` is "fail" and "pass" unless a case says
otherwise; the real runner decides, these only guard against cases that show nothing.
"""
import re, textwrap

CASES = []
MARK = re.compile("⟦(.*?)¦(.*?)⟧", re.S)


def case(name, program, tests=None, runner="pytest", file="m.py", test=None, files=None, arguments=None, expected=("fail", "pass"),
         report=None, **more):
    """`tests` is the test file's text; `test` its path; `arguments` what the runner is given when that is not the path."""
    test = test or {"pytest": "test_m.py", "unittest": "test_m.py", "script": "checks.py"}.get(runner)
    shared = {k: textwrap.dedent(v).lstrip("\n") if isinstance(v, str) else v for k, v in (files or {}).items()}
    if tests is not None:
        shared[test] = textwrap.dedent(tests).lstrip("\n")
    text = textwrap.dedent(program).lstrip("\n")
    variants = {"bad": {file: MARK.sub(r"\1", text)}, "good": {file: MARK.sub(r"\2", text)}}
    names = [n for n in variants if variants["bad"] != variants["good"] or n == "good"]
    CASES.append(dict(name=name, runner=runner, file=file, tests=arguments if arguments is not None else [test] if test else [],
                      files=shared, variants={n: variants[n] for n in names}, expected={"bad": expected[0], "good": expected[1]},
                      report=report or {}, **more))


# ---- pytest: asserts and parameters

case("assert-plain", """
    def add(a, b):
        return a ⟦-¦+⟧ b
    """, """
    from m import add
    def test_add():
        assert add(2, 3) == 5
    """, report={"bad": {"call": "add(2, 3)", "got": "-1", "want": "5", "testLine": 3}})

case("assert-swapped", """
    def double(n):
        return n * ⟦3¦2⟧
    """, """
    import m
    def test_double():
        assert 8 == m.double(4)
    """, report={"bad": {"call": "m.double(4)", "got": "12", "want": "8"}})

case("assert-in-loop", """
    def is_even(n):
        return n % 2 == ⟦1¦0⟧
    """, """
    from m import is_even
    def test_all():
        for n in range(10):
            assert is_even(n) == (n in (0, 2, 4, 6, 8)), n
    """)

case("parametrize-ids", """
    def grade(points):
        return "A" if points >⟦¦=⟧ 90 else "B"
    """, """
    import pytest
    from m import grade
    @pytest.mark.parametrize("points, want", [(95, "A"), (90, "A"), (10, "B")], ids=["high", "edge", "low"])
    def test_grade(points, want):
        assert grade(points) == want
    """, report={"bad": {"id": "test_m.py::test_grade[edge]"}})

case("parametrize-marks", """
    def root(n):
        return n ** ⟦2¦0.5⟧
    """, """
    import pytest
    from m import root
    @pytest.mark.parametrize("n", [4, pytest.param(-1, marks=pytest.mark.xfail(reason="complex")), pytest.param(9, marks=pytest.mark.skip)])
    def test_root(n):
        assert root(n) == 2
    """)

case("parametrize-stacked", """
    def mul(a, b):
        return a * b ⟦+ (a == 3)¦⟧
    """, """
    import pytest
    from m import mul
    @pytest.mark.parametrize("a", [1, 2, 3])
    @pytest.mark.parametrize("b", [0, 5])
    def test_mul(a, b):
        assert mul(a, b) == sum([a] * b)
    """)

case("parametrize-indirect", """
    def size(text):
        return len(text⟦.strip()¦⟧)
    """, """
    import pytest
    from m import size
    @pytest.fixture
    def text(request):
        return " " * request.param
    @pytest.mark.parametrize("text, n", [(3, 3), (0, 0)], indirect=["text"])
    def test_size(text, n):
        assert size(text) == n
    """)

case("raises-match", """
    def age(value):
        if value < 0:
            raise ValueError("⟦bad¦negative⟧ age: %d" % value)
        return value
    """, """
    import pytest
    from m import age
    def test_age():
        with pytest.raises(ValueError, match=r"negative age: -\\d"):
            age(-1)
    """)

case("raises-none", """
    def pick(items):
        ⟦return items[0] if items else None¦return items[0]⟧
    """, """
    import pytest
    from m import pick
    def test_pick():
        with pytest.raises(IndexError):
            pick([])
    """, report={"bad": {"call": "pick([])", "want": "IndexError", "got": "no exception"}})

case("raises-info", """
    class Missing(KeyError):
        def __init__(self, key):
            super().__init__(key)
            self.key = ⟦None¦key⟧
    def get(d, k):
        if k not in d: raise Missing(k)
        return d[k]
    """, """
    import pytest
    from m import get, Missing
    def test_get():
        with pytest.raises(KeyError) as info:
            get({}, "a")
        assert info.type is Missing and info.value.key == "a"
    """)

case("approx", """
    def mean(xs):
        return sum(xs) / ⟦(len(xs) - 1)¦len(xs)⟧
    """, """
    from pytest import approx
    from m import mean
    def test_mean():
        assert mean([0.1, 0.2, 0.3]) == approx(0.2)
        assert {"a": mean([1, 2])} == approx({"a": 1.5})
    """)

case("approx-tolerance", """
    def third():
        return 0.33⟦¦333⟧
    """, """
    import pytest
    from m import third
    def test_third():
        assert third() == pytest.approx(1 / 3, rel=1e-4)
        assert third() != pytest.approx(1 / 3, rel=1e-9)
    """)

case("plain-truth", """
    def valid(name):
        return name.isidentifier() ⟦or¦and⟧ not name.startswith("_")
    """, """
    from m import valid
    def test_valid():
        assert valid("ab")
        assert not valid("_ab")
    """, report={"bad": {"call": "valid('_ab')", "got": "True", "want": "a false value"}})

case("identity", """
    _cache = {}
    def thing(key):
        ⟦return object()¦return _cache.setdefault(key, object())⟧
    """, """
    from m import thing
    def test_same():
        assert thing(1) is thing(1)
        assert thing(1) is not thing(2)
    """)

case("aliasing", """
    def appended(items, x):
        ⟦items.append(x)
        return items¦return items + [x]⟧
    """, """
    from m import appended
    def test_input_is_kept():
        xs = [1]
        assert appended(xs, 2) == [1, 2]
        assert xs == [1]
    """)

case("mutable-default", """
    def add(x, to=⟦[]¦None⟧):
        to = [] if to is None else to
        to.append(x)
        return to
    """, """
    from m import add
    def test_a():
        assert add(1) == [1]
    def test_b():
        assert add(2) == [2]
    """)

# ---- pytest: fixtures

case("fixture-scopes", """
    class Counter:
        def __init__(self): self.n = 0
        def up(self): self.n += ⟦2¦1⟧; return self.n
    """, """
    import pytest
    from m import Counter
    log = []
    @pytest.fixture(scope="session")
    def s(): log.append("s"); return Counter()
    @pytest.fixture(scope="module")
    def mod(): log.append("m"); return Counter()
    @pytest.fixture(scope="class")
    def c(): log.append("c"); return Counter()
    @pytest.fixture
    def f(): log.append("f"); return Counter()
    class TestA:
        def test_1(self, s, mod, c, f): assert (s.up(), mod.up(), c.up(), f.up()) == (1, 1, 1, 1)
        def test_2(self, s, mod, c, f): assert (s.up(), mod.up(), c.up(), f.up()) == (2, 2, 2, 1)
    class TestB:
        def test_3(self, s, mod, c, f):
            assert (s.up(), mod.up(), c.up(), f.up()) == (3, 3, 1, 1)
            assert log == ["s", "m", "c", "f", "f", "c", "f"]
    """)

case("fixture-yield", """
    class Store:
        opened = closed = 0
        def open(self): Store.opened += 1
        def close(self): Store.closed += ⟦0¦1⟧
    """, """
    import pytest
    from m import Store
    @pytest.fixture
    def store():
        s = Store(); s.open()
        yield s
        s.close()
    def test_one(store): assert Store.opened == 1
    def test_two(store): assert Store.closed == 1
    """)

case("fixture-teardown-error", """
    class Conn:
        def close(self): ⟦raise RuntimeError("still busy")¦pass⟧
    """, """
    import pytest
    from m import Conn
    @pytest.fixture
    def conn():
        c = Conn()
        yield c
        c.close()
    def test_conn(conn): assert conn
    """, report={"bad": {"phase": "teardown", "programLine": 2}})

case("fixture-setup-error", """
    def connect():
        return ⟦1 / 0¦1⟧
    """, """
    import pytest
    from m import connect
    @pytest.fixture
    def conn(): return connect()
    def test_a(conn): assert conn == 1
    def test_b(): assert True
    """, report={"bad": {"phase": "setup", "type": "ZeroDivisionError", "programLine": 2, "setup": None}})

case("fixture-own-error", """
    def one():
        return ⟦2¦1⟧
    """, """
    import pytest
    from m import one
    @pytest.fixture
    def broken(): return {}["missing"]
    def test_a(broken): assert one() == 1
    """, expected=("fail", "fail"), report={"good": {"phase": "setup", "type": "KeyError", "setup": True}})

case("fixture-missing", """
    def one(): return 1
    """, """
    from m import one
    def test_a(no_such_fixture): assert one() == 1
    """, expected=("fail", "fail"), report={"good": {"outcome": "unusable", "sentence": "…fixture 'no_such_fixture' not found"}})

case("fixture-params", """
    def low(text):
        return text.⟦upper¦lower⟧()
    """, """
    import pytest
    from m import low
    @pytest.fixture(params=["A", "b", "ÄÖ"], ids=lambda p: "p" + p)
    def text(request): return request.param
    def test_low(text): assert low(text).islower()
    """)

case("fixture-autouse", """
    state = {"mode": "off"}
    def mode(): return state["⟦Mode¦mode⟧"]
    """, """
    import pytest, m
    @pytest.fixture(autouse=True)
    def on():
        m.state["mode"] = "on"
        yield
        m.state["mode"] = "off"
    def test_mode(): assert m.mode() == "on"
    """)

case("fixture-factory", """
    class User:
        def __init__(self, name, admin=False): self.name, self.admin = name, ⟦False¦admin⟧
    """, """
    import pytest
    from m import User
    @pytest.fixture
    def make():
        made = []
        def build(name="x", **more):
            made.append(User(name, **more)); return made[-1]
        yield build
        assert all(u.name for u in made)
    def test_admin(make): assert make("a", admin=True).admin and not make().admin
    """)

case("fixture-finalizer", """
    closed = []
    def close(x): closed.⟦count¦append⟧(x)
    """, """
    import pytest, m
    @pytest.fixture
    def r(request):
        request.addfinalizer(lambda: m.close(1))
        return 1
    def test_a(r): assert m.closed == []
    def test_b(): assert m.closed == [1]
    """)

case("usefixtures", """
    import os
    def place(): return os.path.basename(⟦os.path.expanduser("~")¦os.getcwd()⟧)
    """, """
    import pytest
    from m import place
    @pytest.fixture
    def elsewhere(tmp_path, monkeypatch):
        (tmp_path / "spot").mkdir(); monkeypatch.chdir(tmp_path / "spot")
    @pytest.mark.usefixtures("elsewhere")
    class TestPlace:
        def test_place(self): assert place() == "spot"
    """)

case("request-node", """
    def tag(name): return name.⟦split¦rsplit⟧("_", 1)[-1]
    """, """
    from m import tag
    def test_some_name(request):
        assert tag(request.node.name) == "name"
        assert request.config.rootpath.is_dir()
    """)

case("setup-methods", """
    class Stack(list):
        push = list.append
        def peek(self): return self[⟦0¦-1⟧]
    """, """
    from m import Stack
    def setup_module(module): module.ready = True
    class TestStack:
        @classmethod
        def setup_class(cls): cls.made = 0
        def setup_method(self, method): self.s = Stack(); self.s.push(1); self.s.push(2); type(self).made += 1
        def teardown_method(self): self.s.clear()
        def test_peek(self): assert ready and self.s.peek() == 2
        def test_made(self): assert self.made == 2
    """)

# ---- pytest: built-in fixtures

case("capsys", """
    import sys
    def hello(name):
        print("Hello, %s⟦¦!⟧" % name)
        print("warn", file=sys.stderr)
    """, """
    from m import hello
    def test_hello(capsys):
        hello("Ann")
        out, err = capsys.readouterr()
        assert out == "Hello, Ann!\\n" and err == "warn\\n"
    """)

case("capfd", """
    import os, subprocess, sys
    def shout(): os.write(1, b"⟦hi¦HI⟧"); subprocess.run([sys.executable, "-c", "print(1)"])
    """, """
    from m import shout
    def test_shout(capfd):
        shout()
        assert capfd.readouterr().out == "HI1\\n"
    """)

case("capsysbinary", """
    import sys
    def dump(data): sys.stdout.buffer.write(data⟦[1:]¦⟧)
    """, """
    from m import dump
    def test_dump(capsysbinary):
        dump(b"\\x00\\xff")
        assert capsysbinary.readouterr().out == b"\\x00\\xff"
    """)

case("capsys-disabled", """
    def say(): print("⟦a¦b⟧")
    """, """
    from m import say
    def test_say(capsys):
        with capsys.disabled(): print("seen")
        say()
        assert capsys.readouterr().out == "b\\n"
    """)

case("caplog", """
    import logging
    log = logging.getLogger("app.db")
    def save(x):
        if x is None:
            log.⟦info¦warning⟧("nothing to save: %s", x)
        return x
    """, """
    import logging
    from m import save
    def test_log(caplog):
        save(None)
        assert [r.levelname for r in caplog.records] == ["WARNING"]
        assert caplog.record_tuples == [("app.db", logging.WARNING, "nothing to save: None")]
    def test_level(caplog):
        with caplog.at_level(logging.DEBUG, logger="app.db"):
            save(1)
        assert not caplog.text
    """)

case("monkeypatch-env", """
    import os
    def mode(): return os.environ.get("APP_⟦MODUS¦MODE⟧", "prod")
    """, """
    from m import mode
    def test_default(monkeypatch):
        monkeypatch.delenv("APP_MODE", raising=False)
        assert mode() == "prod"
    def test_set(monkeypatch):
        monkeypatch.setenv("APP_MODE", "debug")
        assert mode() == "debug"
    """)

case("monkeypatch-attr", """
    import time
    def stamp(): return int(time.⟦monotonic¦time⟧())
    """, """
    import m
    def test_stamp(monkeypatch):
        monkeypatch.setattr("time.time", lambda: 12.9)
        monkeypatch.setattr(m.time, "monotonic", lambda: 7)
        assert m.stamp() == 12
    """)

case("monkeypatch-item", """
    LIMITS = {"a": 1}
    def limit(k): return LIMITS.get(k, ⟦1¦0⟧)
    """, """
    import m
    def test_limit(monkeypatch):
        monkeypatch.setitem(m.LIMITS, "b", 2)
        monkeypatch.delitem(m.LIMITS, "a")
        assert (m.limit("a"), m.limit("b")) == (0, 2)
    def test_back(): assert m.LIMITS == {"a": 1}
    """)

case("monkeypatch-syspath", """
    import importlib
    def load(name): return importlib.import_module(name).VALUE ⟦+ 1¦⟧
    """, """
    from m import load
    def test_load(tmp_path, monkeypatch):
        (tmp_path / "extra_mod.py").write_text("VALUE = 4")
        monkeypatch.syspath_prepend(tmp_path)
        assert load("extra_mod") == 4
    """)

case("tmp-path", """
    def copy_lines(source, target):
        with open(source) as s, open(target, "w") as t:
            for line in s:
                t.write(line⟦.strip()¦⟧)
    """, """
    from m import copy_lines
    def test_copy(tmp_path):
        a, b = tmp_path / "a.txt", tmp_path / "b.txt"
        a.write_text("1\\n2\\n")
        copy_lines(a, b)
        assert b.read_text() == "1\\n2\\n"
        assert sorted(p.name for p in tmp_path.iterdir()) == ["a.txt", "b.txt"]
    """)

case("tmpdir-factory", """
    import os
    def count(folder): return len(os.listdir(folder)) ⟦+ 1¦⟧
    """, """
    from m import count
    def test_count(tmp_path_factory, tmpdir):
        d = tmp_path_factory.mktemp("data")
        (d / "x").touch()
        assert count(d) == 1 and count(str(tmpdir)) == 0
    """)

case("recwarn", """
    import warnings
    def old():
        warnings.warn("use new()", ⟦UserWarning¦DeprecationWarning⟧, stacklevel=2)
    """, """
    import pytest
    from m import old
    def test_recwarn(recwarn):
        old()
        assert recwarn.pop(DeprecationWarning).filename == __file__
    def test_warns():
        with pytest.warns(DeprecationWarning, match="new"):
            old()
    def test_call():
        with pytest.deprecated_call(): old()
    """)

case("warnings-as-errors", """
    import warnings
    def f():
        ⟦warnings.warn("slow", RuntimeWarning)¦pass⟧
        return 1
    """, """
    from m import f
    def test_f(): assert f() == 1
    """, files={"pytest.ini": "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n"})

case("filterwarnings-mark", """
    import warnings
    def f(): warnings.warn("x", ⟦FutureWarning¦UserWarning⟧); return 1
    """, """
    import pytest
    from m import f
    @pytest.mark.filterwarnings("error::FutureWarning")
    def test_f(): assert f() == 1
    """)

case("deprecated-import", """
    ⟦import cgi
    def esc(s): return s¦def esc(s): return s⟧
    """, """
    from m import esc
    def test_esc(): assert esc("a") == "a"
    """, files={"pytest.ini": "[pytest]\nfilterwarnings = error::DeprecationWarning\nasyncio_default_fixture_loop_scope = function\n"})

case("cache-fixture", """
    def seen(config_cache): return config_cache.get("app/n", ⟦1¦0⟧)
    """, """
    from m import seen
    def test_seen(request):
        assert seen(request.config.cache) == 0
        request.config.cache.set("app/n", 5)
    """)

case("pytestconfig", """
    def name(config): return config.getini("⟦markers¦testpaths⟧")
    """, """
    from m import name
    def test_name(pytestconfig): assert name(pytestconfig) == ["."]
    """, files={"pytest.ini": "[pytest]\ntestpaths = .\n"})

case("doctest-namespace-ini", """
    def inc(n):
        '''
        >>> inc(1)
        2
        '''
        return n + ⟦2¦1⟧
    """, """
    def test_nothing(): pass
    """, files={"pytest.ini": "[pytest]\naddopts = --doctest-modules\n"}, arguments=["."])

case("record-property", """
    def f(): return ⟦0¦1⟧
    """, """
    from m import f
    def test_f(record_property, record_testsuite_property):
        record_property("k", "v")
        assert f()
    """)

# ---- pytest: marks and outcomes

case("xfail", """
    def f(n): return n ⟦+ 1¦⟧
    """, """
    import pytest
    from m import f
    @pytest.mark.xfail
    def test_known(): assert f(1) == 2
    def test_ok(): assert f(1) == 1
    """)

case("xfail-strict", """
    def f(n): return ⟦n¦n - 1⟧
    """, """
    import pytest
    from m import f
    @pytest.mark.xfail(strict=True, reason="not yet")
    def test_known(): assert f(1) == 1
    """)

case("xfail-strict-ini", """
    def f(n): return ⟦n¦n - 1⟧
    """, """
    import pytest
    from m import f
    @pytest.mark.xfail
    def test_known(): assert f(1) == 1
    """, files={"setup.cfg": "[tool:pytest]\nxfail_strict = true\n"})

case("xfail-raises", """
    def f(): raise ⟦TypeError¦ValueError⟧("x")
    """, """
    import pytest
    from m import f
    @pytest.mark.xfail(raises=ValueError)
    def test_f(): f()
    """)

case("xfail-imperative", """
    def ready(): return ⟦False¦True⟧
    def f(): return 1 if ready() else 2
    """, """
    import pytest, m
    def test_f():
        if m.f() == 1: pytest.xfail("known")
        assert m.f() == 1
    """)

case("skip-forms", """
    def f(): return ⟦2¦1⟧
    """, """
    import sys, pytest
    from m import f
    @pytest.mark.skip(reason="no")
    def test_a(): assert False
    @pytest.mark.skipif(sys.version_info < (4,), reason="old")
    def test_b(): assert False
    def test_c():
        pytest.skip("inside")
    def test_d():
        pytest.importorskip("no_such_module_at_all")
    def test_e(): assert f() == 1
    """)

case("skip-module", """
    def f(): return ⟦2¦1⟧
    """, """
    import pytest
    from m import f
    if f() == 1:
        pytest.skip("all", allow_module_level=True)
    def test_f(): assert f() == 1
    """, expected=("fail", "fail"))

case("fail-call", """
    def f(): return ⟦2¦1⟧
    """, """
    import pytest
    from m import f
    def test_f():
        if f() != 1: pytest.fail("f is %d" % f())
    """, report={"bad": {"message": "f is 2"}})

case("custom-mark-strict", """
    def f(): return ⟦2¦1⟧
    """, """
    import pytest
    from m import f
    @pytest.mark.slow
    def test_f(): assert f() == 1
    """, files={"pytest.ini": "[pytest]\naddopts = --strict-markers -q\nmarkers = slow: takes long\n"})

case("deselect-mark", """
    def f(): return ⟦2¦1⟧
    """, """
    import pytest
    from m import f
    @pytest.mark.slow
    def test_slow(): assert f() == 3
    def test_f(): assert f() == 1
    """, files={"pytest.ini": "[pytest]\naddopts = -m 'not slow'\nmarkers = slow: takes long\n"})

case("maxfail", """
    def f(n): return n ⟦+ 1¦⟧
    """, """
    from m import f
    def test_a(): assert f(1) == 1
    def test_b(): assert f(2) == 2
    """, files={"pytest.ini": "[pytest]\naddopts = -x\n"})

case("ff-option", """
    def f(n): return n ⟦+ 1¦⟧
    """, """
    from m import f
    def test_a(): assert f(1) == 1
    """, files={"pytest.ini": "[pytest]\naddopts = --ff --nf\n"})

case("subtests", """
    def sq(n): return n * ⟦2¦n⟧
    """, """
    from m import sq
    def test_squares(subtests):
        for n in (0, 2, 3, 4):
            with subtests.test(msg="square", n=n):
                assert sq(n) == n ** 2
    """)

case("exception-group", """
    def run():
        raise ExceptionGroup("many", [ValueError("a"), ⟦KeyError¦TypeError⟧("b")])
    """, """
    import pytest
    from m import run
    def test_run():
        with pytest.raises(ExceptionGroup) as info:
            run()
        assert info.group_contains(TypeError) if hasattr(info, "group_contains") else True
    """)

case("sys-exit", """
    import sys
    def main(argv):
        if not argv: sys.exit(⟦1¦2⟧)
        return 0
    """, """
    import pytest
    from m import main
    def test_exit():
        with pytest.raises(SystemExit) as e: main([])
        assert e.value.code == 2
    """)

case("sys-exit-uncaught", """
    import sys
    def main(): ⟦sys.exit(3)¦return 0⟧
    """, """
    from m import main
    def test_main(): assert main() == 0
    """, report={"bad": {"type": "SystemExit", "programLine": 2}})

case("keyboard-interrupt", """
    def f(): ⟦raise KeyboardInterrupt¦return 1⟧
    """, """
    from m import f
    def test_f(): assert f() == 1
    """)

case("assert-in-helper", """
    def norm(s): return s.strip()⟦¦.lower()⟧
    """, """
    from m import norm
    def check(given, want):
        assert norm(given) == want
    def test_norm(): check(" Ab ", "ab")
    """)

case("helper-module-rewrite", """
    def norm(s): return s.strip()⟦¦.lower()⟧
    """, """
    from helper import check
    def test_norm(): check(" Ab ", "ab")
    """, files={"helper.py": "from m import norm\ndef check(a, b):\n    assert norm(a) == b\n"})

case("dynamic-tests", """
    def f(n): return n * ⟦1¦2⟧
    """, """
    from m import f
    def make(n):
        def test(): assert f(n) == n + n
        return test
    for n in range(3):
        globals()["test_%d" % n] = make(n)
    """)

case("generate-tests", """
    def f(n): return n * ⟦1¦2⟧
    """, """
    from m import f
    def pytest_generate_tests(metafunc):
        if "n" in metafunc.fixturenames: metafunc.parametrize("n", range(3))
    def test_f(n): assert f(n) == n + n
    """)

case("class-inheritance", """
    class Base:
        def area(self): return 0
    class Square(Base):
        def __init__(self, a): self.a = a
        def area(self): return self.a * ⟦2¦self.a⟧
    """, """
    from m import Square, Base
    class Shape:
        def test_positive(self): assert self.make().area() >= 0
    class TestSquare(Shape):
        def make(self): return Square(3)
        def test_area(self): assert self.make().area() == 9
        def test_subclass(self):
            class Half(Square):
                def area(self): return super().area() / 2
            assert Half(2).area() == 2 and issubclass(Half, Base)
    """)

# ---- pytest: layouts and configuration

case("conftest-fixture", """
    def twice(x): return x ⟦+ 1¦* 2⟧
    """, """
    from m import twice
    def test_twice(number): assert twice(number) == 10
    """, files={"conftest.py": "import pytest\n@pytest.fixture\ndef number():\n    return 5\n"})

case("conftest-imports-program", """
    class Box:
        def __init__(self, *items): self.items = ⟦set¦list⟧(items)
    """, """
    def test_box(box): assert box.items == [3, 1]
    """, files={"conftest.py": "import pytest\nfrom m import Box\n@pytest.fixture\ndef box():\n    return Box(3, 1)\n"})

case("conftest-broken-by-program", """
    ⟦TABLE = {}["x"]¦TABLE = {}⟧
    """, """
    def test_table(table): assert table == {}
    """, files={"conftest.py": "import pytest\nimport m\n@pytest.fixture\ndef table():\n    return m.TABLE\n"},
    report={"bad": {"outcome": "failed", "programLine": 1}})

case("conftest-program-syntax", """
    def f()⟦¦:⟧
        return 1
    """, """
    def test_f(value): assert value == 1
    """, files={"conftest.py": "import pytest\nfrom m import f\n@pytest.fixture\ndef value():\n    return f()\n"},
    report={"bad": {"outcome": "failed", "programLine": 1}})

case("conftest-hooks", """
    def f(): return ⟦2¦1⟧
    """, """
    from m import f
    import conftest_state
    def test_f(): assert f() == 1 and conftest_state.configured
    """, files={"conftest.py": """
    import conftest_state
    def pytest_configure(config):
        conftest_state.configured = True
        config.addinivalue_line("markers", "slow: x")
    """, "conftest_state.py": "configured = False\n"})

case("conftest-addoption", """
    def f(): return ⟦2¦1⟧
    """, """
    from m import f
    def test_f(limit): assert f() == limit
    """, files={"conftest.py": """
    import pytest
    def pytest_addoption(parser): parser.addoption("--limit", type=int, default=0)
    @pytest.fixture
    def limit(request): return request.config.getoption("--limit")
    """, "pytest.ini": "[pytest]\naddopts = --limit=1\n"})

case("conftest-nested", """
    def name(): return "⟦outer¦inner⟧"
    """, """
    from m import name
    def test_name(place): assert name() == place
    """, test="tests/unit/test_name.py", files={
    "conftest.py": "import pytest\n@pytest.fixture\ndef place():\n    return 'outer'\n",
    "tests/unit/conftest.py": "import pytest\n@pytest.fixture\ndef place():\n    return 'inner'\n"})

case("conftest-collect-ignore", """
    def f(): return ⟦2¦1⟧
    """, """
    from m import f
    def test_f(): assert f() == 1
    """, files={"conftest.py": "collect_ignore = ['test_old.py']\n", "test_old.py": "import no_such_module\n"}, arguments=["."])

case("conftest-modifyitems", """
    def f(): return ⟦2¦1⟧
    """, """
    from m import f
    def test_late(): assert f() == 3
    def test_f(): assert f() == 1
    """, files={"conftest.py": """
    import pytest
    def pytest_collection_modifyitems(items):
        for item in items:
            if "late" in item.name: item.add_marker(pytest.mark.skip(reason="late"))
    """})

case("tests-folder", """
    def f(): return ⟦2¦1⟧
    """, """
    from m import f
    def test_f(): assert f() == 1
    """, test="tests/test_f.py", arguments=["tests"])

case("tests-folder-of-many", """
    def f(n): return n ⟦- 1¦+ 1⟧
    """, """
    from m import f
    def test_f(): assert f(1) == 2
    """, test="tests/test_f.py", arguments=["tests"], files={
    "tests/sub/test_g.py": "from m import f\ndef test_g(): assert f(0) == 1\n", "tests/helpers.py": "def test_not(): assert False\n"})

case("src-layout", """
    def f(): return ⟦2¦1⟧
    """, """
    from pkg.core import f
    def test_f(): assert f() == 1
    """, file="src/pkg/core.py", test="tests/test_core.py", files={"src/pkg/__init__.py": "", "pyproject.toml": """
    [tool.pytest.ini_options]
    pythonpath = ["src"]
    testpaths = ["tests"]
    """})

case("src-layout-conftest-path", """
    def f(): return ⟦2¦1⟧
    """, """
    from core import f
    def test_f(): assert f() == 1
    """, file="src/core.py", test="tests/test_core.py",
    files={"conftest.py": "import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), 'src'))\n"})

case("package-relative-import", """
    from .units import FACTOR
    def convert(x): return x ⟦/¦*⟧ FACTOR
    """, """
    from shop.prices import convert
    def test_convert(): assert convert(2) == 20
    """, file="shop/prices.py", test="tests/test_prices.py", files={"shop/__init__.py": "", "shop/units.py": "FACTOR = 10\n"})

case("tests-in-package", """
    def f(): return ⟦2¦1⟧
    """, """
    from ..m import f
    from .common import WANT
    def test_f(): assert f() == WANT
    """, file="app/m.py", test="app/tests/test_m.py",
    files={"app/__init__.py": "", "app/tests/__init__.py": "", "app/tests/common.py": "WANT = 1\n"})

case("file-is-init", """
    def f(): return ⟦2¦1⟧
    """, """
    import lib
    def test_f(): assert lib.f() == 1
    """, file="lib/__init__.py", test="test_lib.py")

case("file-is-imported-late", """
    def f(): return ⟦2¦1⟧
    """, """
    def test_f():
        import m
        assert m.f() == 1
    """)

case("program-in-sibling", """
    RATE = ⟦0.2¦0.1⟧
    """, """
    from bill import total
    def test_total(): assert total(100) == 110
    """, files={"bill.py": "from m import RATE\ndef total(x): return round(x * (1 + RATE))\n"})

case("importmode-importlib", """
    def f(): return ⟦2¦1⟧
    """, """
    from m import f
    def test_f(): assert f() == 1
    """, files={"pytest.ini": "[pytest]\naddopts = --import-mode=importlib\npythonpath = .\n"})

case("several-files", """
    def f(n): return n ⟦- 1¦+ 1⟧
    """, """
    from m import f
    def test_f(): assert f(1) == 2
    """, files={"test_n.py": "from m import f\ndef test_g(): assert f(5) == 6\n"}, arguments=["test_m.py", "test_n.py"])

case("one-id", """
    def f(n): return n ⟦- 1¦+ 1⟧
    """, """
    from m import f
    def test_f(): assert f(1) == 2
    def test_other(): assert False
    class TestC:
        def test_c(self): assert f(2) == 3
    """, arguments=["test_m.py::test_f", "test_m.py::TestC::test_c"])

case("one-parameter-id", """
    def f(n): return n ⟦- 1¦+ 1⟧
    """, """
    import pytest
    from m import f
    @pytest.mark.parametrize("n", [1, 2])
    def test_f(n): assert f(n) == 2
    """, arguments=["test_m.py::test_f[1]"])

case("no-such-id", """
    def f(): return 1
    """, """
    def test_f(): pass
    """, arguments=["test_m.py::test_absent"], expected=("fail", "fail"), report={"good": {"outcome": "unusable"}})

case("python-files-ini", """
    def f(): return ⟦2¦1⟧
    """, """
    from m import f
    class CheckF:
        def verify_one(self): assert f() == 1
    def verify_two(): assert f() == 1
    """, test="check_m.py", files={"tox.ini": "[pytest]\npython_files = check_*.py\npython_classes = Check\npython_functions = verify_*\n"},
    startKind="pytest")

case("data-beside-test", """
    import csv
    def total(path):
        with open(path, newline="") as f:
            return sum(int(r["⟦id¦n⟧"]) for r in csv.DictReader(f))
    """, """
    from pathlib import Path
    from m import total
    def test_total(): assert total(Path(__file__).parent / "data" / "a.csv") == 7
    """, files={"data/a.csv": "id,n\n1,3\n2,4\n"})

case("data-in-cwd", """
    import json
    def load(): return json.load(open("settings.json"))["⟦b¦a⟧"]
    """, """
    from m import load
    def test_load(): assert load() == 1
    """, files={"settings.json": '{"a": 1, "b": 2}'})

case("writes-into-project", """
    import os
    def note(text):
        with open("log.txt", "⟦w¦a⟧") as f: f.write(text + "\\n")
    def lines(): return open("log.txt").read().split()
    """, """
    import os
    from m import note, lines
    def test_note():
        assert not os.path.exists("log.txt")
        note("a"); note("b")
        assert lines() == ["a", "b"]
    """)

case("removes-from-project", """
    import os
    def clean(): os.remove("old.txt"); return ⟦1¦0⟧
    """, """
    import os
    from m import clean
    def test_clean():
        assert os.path.exists("old.txt")
        assert clean() == 0 and not os.path.exists("old.txt")
        os.rename("keep", "moved")
        with open("changed.txt", "w") as f: f.write("other")
    """, files={"old.txt": "x", "keep/a.txt": "y", "changed.txt": "z"})

case("named-like-stdlib", """
    def mean(xs): return sum(xs) / ⟦2¦len(xs)⟧
    """, """
    import statistics
    def test_mean(): assert statistics.mean([1, 2, 3]) == 2
    """, file="statistics.py", test="test_statistics.py")

case("named-calendar", """
    def leap(y): return y % 4 == 0⟦¦ and (y % 100 != 0 or y % 400 == 0)⟧
    """, """
    from calendar import leap
    def test_leap(): assert not leap(1900) and leap(2000)
    """, file="calendar.py", test="test_leap.py")

case("stale-bytecode", """
    def f(): return ⟦2¦1⟧
    """, """
    from m import f
    def test_f(): assert f() == 1
    """, files={"__pycache__/m.cpython-311.pyc": b"\xa7\r\r\n" + bytes(12)})

case("bad-ini-option", """
    def f(): return 1
    """, """
    from m import f
    def test_f(): assert f() == 1
    """, files={"pytest.ini": "[pytest]\naddopts = --no-such-option\n"}, expected=("fail", "fail"),
    report={"good": {"outcome": "unusable", "sentence": "…--no-such-option"}})

case("no-tests", """
    def f(): return 1
    """, """
    from m import f
    def check(): assert f() == 1
    """, test="test_m.py", startKind="pytest", expected=("fail", "fail"), report={"good": {"outcome": "unusable"}})

# ---- pytest: programs that do not load, tests that do not load

case("program-syntax-error", """
    def f(x)⟦¦:⟧
        return x
    """, """
    from m import f
    def test_f(): assert f(1) == 1
    """, report={"bad": {"program": None, "programLine": 1, "type": "SyntaxError", "phase": "collect"}} and
    {"bad": {"programLine": 1, "type": "SyntaxError", "phase": "collect"}})

case("program-indentation", """
    def f(x):
    ⟦return x¦    return x⟧
    """, """
    from m import f
    def test_f(): assert f(1) == 1
    """, report={"bad": {"type": "IndentationError", "programLine": 2}})

case("program-name-error", """
    LIMIT = ⟦TEN¦10⟧
    def f(): return LIMIT
    """, """
    import m
    def test_f(): assert m.f() == 10
    """, report={"bad": {"type": "NameError", "programLine": 1, "phase": "collect"}})

case("program-lacks-name", """
    def ⟦g¦f⟧(): return 1
    """, """
    from m import f
    def test_f(): assert f() == 1
    """, report={"bad": {"type": "ImportError", "outcome": "failed"}})

case("program-missing-import", """
    ⟦import no_such_lib¦import json⟧
    def f(): return 1
    """, """
    from m import f
    def test_f(): assert f() == 1
    """, report={"bad": {"type": "ModuleNotFoundError", "programLine": 1, "outcome": "failed"}})

case("tests-syntax-error", """
    def f(): return 1
    """, """
    from m import f
    def test_f() assert f() == 1
    """, expected=("fail", "fail"), startKind="pytest", report={"good": {"outcome": "unusable", "sentence": "…test_m.py, line 2"}})

case("tests-missing-import", """
    def f(): return 1
    """, """
    import no_such_lib
    from m import f
    def test_f(): assert f() == 1
    """, expected=("fail", "fail"), report={"good": {"outcome": "unusable", "sentence": "…no_such_lib"}})

case("program-null-byte", b"def f(): return 1\n".decode() + "⟦\0¦⟧", """
    from m import f
    def test_f(): assert f() == 1
    """)

case("program-recursion", """
    def depth(n): return 0 if n ⟦> 0¦<= 0⟧ and False or n == 0 else 1 + depth(n ⟦+¦-⟧ 1)
    """, """
    from m import depth
    def test_depth(): assert depth(50) == 50
    """, report={"bad": {"type": "RecursionError", "programLine": 1}})

case("deep-recursion-is-fine", """
    def down(n): return n if n == 0 else down(n - 1) ⟦+ 1¦⟧
    """, """
    import sys
    from m import down
    def test_down(): assert down(800) == 0
    def test_limit():
        old = sys.getrecursionlimit(); sys.setrecursionlimit(5000)
        try: assert down(3000) == 0
        finally: sys.setrecursionlimit(old)
    """)

# ---- pytest: mock

case("mock-patch-decorator", """
    import smtplib
    def send(to):
        with smtplib.SMTP("host") as s: s.sendmail("me", ⟦[to, to]¦[to]⟧, "hi")
    """, """
    from unittest import mock
    import m
    @mock.patch("m.smtplib.SMTP")
    def test_send(smtp):
        m.send("you")
        smtp.return_value.__enter__.return_value.sendmail.assert_called_once_with("me", ["you"], "hi")
    """)

case("mock-patch-object", """
    class Clock:
        def now(self): return 1
    def later(clock): return clock.now() + ⟦2¦1⟧
    """, """
    from unittest.mock import patch
    from m import Clock, later
    def test_later():
        with patch.object(Clock, "now", return_value=41) as now:
            assert later(Clock()) == 42
        now.assert_called_once()
    """)

case("mock-patch-dict", """
    import os
    def home(): return os.environ["⟦HOME¦APP_HOME⟧"]
    """, """
    import os
    from unittest.mock import patch
    from m import home
    @patch.dict(os.environ, {"APP_HOME": "/x"}, clear=True)
    def test_home():
        os.environ.setdefault("HOME", "/h")
        assert home() == "/x"
    """)

case("mock-open", """
    def first(path):
        with open(path) as f: return f.readline()⟦¦.strip()⟧
    """, """
    from unittest.mock import mock_open, patch
    from m import first
    def test_first():
        with patch("builtins.open", mock_open(read_data="a\\nb\\n")) as o:
            assert first("p") == "a"
        o.assert_called_with("p")
    """)

case("mock-side-effect", """
    def retry(call, times):
        for i in range(times⟦ - 1¦⟧):
            try: return call()
            except OSError: pass
        raise TimeoutError
    """, """
    import pytest
    from unittest.mock import Mock, call
    from m import retry
    def test_retry():
        f = Mock(side_effect=[OSError, OSError, 7])
        assert retry(f, 3) == 7
        assert f.mock_calls == [call()] * 3
    """)

case("mock-autospec", """
    class Api:
        def get(self, path, *, timeout): ...
    def fetch(api): return api.get("/x"⟦¦, timeout=3⟧)
    """, """
    from unittest.mock import create_autospec
    from m import Api, fetch
    def test_fetch():
        api = create_autospec(Api, instance=True)
        api.get.return_value = "ok"
        assert fetch(api) == "ok"
    """)

case("mock-attribute-call-args", """
    def notify(bus, user): bus.publish("user", id=user.id, name=user.⟦id¦name⟧)
    """, """
    from unittest.mock import MagicMock
    from types import SimpleNamespace
    from m import notify
    def test_notify():
        bus = MagicMock()
        notify(bus, SimpleNamespace(id=1, name="n"))
        bus.publish.assert_called_once_with("user", id=1, name="n")
    """, report={"bad": {"want": "publish('user', id=1, name='n')", "got": "publish('user', id=1, name=1)"}})

case("mock-patch-builtins", """
    def ask(): return input("name? ")⟦.upper()¦⟧
    """, """
    from unittest.mock import patch
    from m import ask
    @patch("builtins.input", return_value="ann")
    def test_ask(i):
        assert ask() == "ann"
        i.assert_called_once_with("name? ")
    """)

case("mock-async", """
    async def load(client): return (await client.get("/"))⟦["b"]¦["a"]⟧
    """, """
    import asyncio
    from unittest.mock import AsyncMock
    from m import load
    def test_load():
        c = AsyncMock(); c.get.return_value = {"a": 1, "b": 2}
        assert asyncio.run(load(c)) == 1
        c.get.assert_awaited_once()
    """)

case("mocker", """
    import time
    def wait(n):
        for _ in range(n⟦ + 1¦⟧): time.sleep(1)
    """, """
    from m import wait
    def test_wait(mocker):
        sleep = mocker.patch("m.time.sleep")
        wait(2)
        assert sleep.call_count == 2
    def test_spy(mocker):
        import m
        spy = mocker.spy(m, "wait")
        m.wait(0) if False else None
        assert spy.call_count == 0
    """)

case("mock-sys-modules", """
    def backend():
        try:
            import json
        except ImportError:
            return ⟦"json"¦None⟧
        return "json"
    """, """
    from unittest.mock import patch
    from m import backend
    def test_backend():
        with patch.dict("sys.modules", {"json": None}):
            assert backend() is None
        assert backend() == "json"
    """)

# ---- pytest: async, threads, processes

case("asyncio-mark", """
    import asyncio
    async def gather(*n):
        async def one(i): await asyncio.sleep(0); return i ⟦+ 1¦⟧
        return await asyncio.gather(*map(one, n))
    """, """
    import pytest
    from m import gather
    @pytest.mark.asyncio
    async def test_gather(): assert await gather(1, 2) == [1, 2]
    """)

case("asyncio-auto", """
    import asyncio
    async def first(q): return ⟦q.get()¦await q.get()⟧
    """, """
    import asyncio, pytest, pytest_asyncio
    from m import first
    @pytest_asyncio.fixture
    async def queue():
        q = asyncio.Queue(); await q.put(5)
        yield q
    async def test_first(queue): assert await first(queue) == 5
    async def test_timeout():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.01)
    """, files={"pytest.ini": "[pytest]\nasyncio_mode = auto\n"})

case("asyncio-run", """
    import asyncio
    async def total(n):
        out = 0
        async for i in numbers(n): out += i
        return out
    async def numbers(n):
        for i in range(n⟦¦ + 1⟧):
            await asyncio.sleep(0); yield i
    """, """
    import asyncio
    from m import total
    def test_total(): assert asyncio.run(total(3)) == 6
    """)

case("async-without-mark", """
    async def f(): return 1
    """, """
    from m import f
    async def test_f(): assert await f() == 1
    """, expected=("fail", "fail"))

case("threads", """
    import threading
    class Counter:
        def __init__(self): self.n, self.lock = 0, threading.Lock()
        def add(self):
            with self.lock: self.n += ⟦2¦1⟧
    """, """
    import threading
    from m import Counter
    def test_threads():
        c = Counter()
        ts = [threading.Thread(target=lambda: [c.add() for _ in range(100)]) for _ in range(4)]
        [t.start() for t in ts]; [t.join() for t in ts]
        assert c.n == 400
    """)

case("thread-exception", """
    import threading
    def work():
        def run(): ⟦raise ValueError("lost")¦pass⟧
        t = threading.Thread(target=run); t.start(); t.join()
    """, """
    from m import work
    def test_work(): work()
    """, files={"pytest.ini": "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n"})

case("thread-pool", """
    from concurrent.futures import ThreadPoolExecutor
    def squares(n):
        with ThreadPoolExecutor(4) as pool: return list(pool.map(lambda i: i ⟦+¦*⟧ i, range(n)))
    """, """
    from m import squares
    def test_squares(): assert squares(4) == [0, 1, 4, 9]
    """)

case("process-pool", """
    from multiprocessing import get_context
    def square(i): return i ⟦+¦*⟧ i
    def squares(n):
        with get_context("fork").Pool(2) as pool: return pool.map(square, range(n))
    """, """
    from m import squares
    def test_squares(): assert squares(4) == [0, 1, 4, 9]
    """)

case("process-spawn", """
    from multiprocessing import get_context
    def put(q, n): q.put(n ⟦+ 1¦⟧)
    def run(n):
        c = get_context("spawn"); q = c.Queue()
        p = c.Process(target=put, args=(q, n)); p.start(); out = q.get(timeout=10); p.join()
        return out
    """, """
    from m import run
    def test_run(): assert run(3) == 3
    """)

case("subprocess-of-file", """
    import sys
    if __name__ == "__main__":
        print(sum(map(int, sys.argv[⟦2¦1⟧:])))
    """, """
    import subprocess, sys
    def test_main():
        out = subprocess.run([sys.executable, "m.py", "1", "2"], capture_output=True, text=True)
        assert out.stdout == "3\\n", out.stderr
    """)

case("loopback-server", """
    from http.server import BaseHTTPRequestHandler
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(⟦404¦200⟧); self.end_headers(); self.wfile.write(b"hi")
        def log_message(self, *a): pass
    """, """
    import threading, urllib.request
    from http.server import HTTPServer
    from m import Handler
    def test_get():
        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert urllib.request.urlopen("http://127.0.0.1:%d/" % server.server_port).read() == b"hi"
        server.shutdown()
    """)

case("fork-in-test", """
    import os
    def child(code): os._exit(code ⟦+ 1¦⟧)
    """, """
    import os
    from m import child
    def test_child():
        pid = os.fork()
        if pid == 0: child(4)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 4
    """)

case("signal-alarm", """
    import signal
    class Late(Exception): pass
    def limited(f, seconds):
        def stop(*_): raise Late
        old = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try: return f()
        ⟦except ValueError: return None¦except Late: return None⟧
        finally: signal.setitimer(signal.ITIMER_REAL, 0); signal.signal(signal.SIGALRM, old)
    """, """
    import time
    from m import limited
    def test_limited():
        assert limited(lambda: time.sleep(5), 0.05) is None
        assert limited(lambda: 3, 1) == 3
    """)

case("os-exit", """
    import os
    def f(): ⟦os._exit(0)¦return 1⟧
    """, """
    from m import f
    def test_before(): assert True
    def test_f(): assert f() == 1
    """, expected=("fail", "pass"), freshPasses="bad", report={"bad": {"type": "ProcessEnded", "id": "test_m.py::test_f"}})

case("segfault", """
    import ctypes
    def f(): ⟦ctypes.string_at(0)¦pass⟧; return 1
    """, """
    from m import f
    def test_f(): assert f() == 1
    """, report={"bad": {"type": "ProcessEnded", "message": "…segmentation fault"}})

case("close-descriptors", """
    import os
    def f(): os.closerange(3, 1024); return ⟦2¦1⟧
    """, """
    from m import f
    def test_f(): assert f() == 1
    """, arguments=["test_m.py"], startKind="pytest", expected=("fail", "fail"))

case("endless-loop", """
    def down(n):
        while n != 0:
            n ⟦-= 2¦-= 1⟧
        return n
    """, """
    from m import down
    def test_even(): assert down(4) == 0
    def test_odd(): assert down(3) == 0
    def test_after(): assert down(0) == 0
    """, seconds=4, report={"bad": {"outcome": "failed", "id": "test_m.py::test_odd", "type": "Timeout", "testLine": 3}})

case("daemon-left", """
    import subprocess
    def start(): subprocess.Popen(["sleep", "30"], start_new_session=True); return ⟦0¦1⟧
    """, """
    from m import start
    def test_start(): assert start() == 1
    """)

case("thread-left", """
    import threading, time
    def start():
        threading.Thread(target=time.sleep, args=(0.3,)).start()
        return ⟦0¦1⟧
    """, """
    from m import start
    def test_start(): assert start() == 1
    """)

# ---- pytest: standard library values, argv, stdin, time

case("dataclass", """
    from dataclasses import dataclass, field
    @dataclass(order=True, frozen=⟦False¦True⟧)
    class Card:
        rank: int
        suit: str = field(compare=False, default="x")
    """, """
    import dataclasses, pytest
    from m import Card
    def test_card():
        assert Card(1) < Card(2) and Card(1, "a") == Card(1, "b")
        with pytest.raises(dataclasses.FrozenInstanceError): Card(1).rank = 2
    """)

case("enum", """
    import enum
    class Color(enum.Enum):
        RED = 1
        GREEN = ⟦1¦2⟧
        def next(self): return list(Color)[(list(Color).index(self) + 1) % len(Color)]
    """, """
    from m import Color
    def test_color():
        assert Color.RED.next() is Color.GREEN
        assert [c.name for c in Color] == ["RED", "GREEN"]
    """)

case("decimal", """
    from decimal import Decimal, ROUND_HALF_UP, ROUND_HALF_EVEN
    def cents(x): return Decimal(x).quantize(Decimal("0.01"), rounding=ROUND_HALF_⟦EVEN¦UP⟧)
    """, """
    from decimal import Decimal
    from m import cents
    def test_cents(): assert cents("0.125") == Decimal("0.13")
    """)

case("datetime-zone", """
    from datetime import datetime, timezone
    from zoneinfo import ZoneInfo
    def berlin(ts): return datetime.fromtimestamp(ts, ⟦timezone.utc¦ZoneInfo("Europe/Berlin")⟧).hour
    """, """
    from m import berlin
    def test_summer(): assert berlin(1720000000) == 11
    """)

case("sqlite", """
    import sqlite3
    class Db:
        def __init__(self, path): self.c = sqlite3.connect(path); self.c.execute("create table if not exists t (k text primary key, v int)")
        def put(self, k, v): self.c.execute("insert ⟦or ignore¦or replace⟧ into t values (?, ?)", (k, v)); self.c.commit()
        def get(self, k): return (self.c.execute("select v from t where k = ?", (k,)).fetchone() or [None])[0]
    """, """
    import pytest
    from m import Db
    @pytest.fixture(scope="module")
    def path(tmp_path_factory): return tmp_path_factory.mktemp("db") / "a.sqlite"
    def test_put(path):
        d = Db(path); d.put("a", 1); d.put("a", 2); assert d.get("a") == 2
    def test_again(path): assert Db(path).get("a") == 2
    """)

case("generator", """
    def chunks(xs, n):
        for i in range(0, len(xs)⟦ - 1¦⟧, n):
            yield xs[i:i + n]
    """, """
    import types
    from m import chunks
    def test_chunks():
        g = chunks([1, 2, 3], 2)
        assert isinstance(g, types.GeneratorType)
        assert list(g) == [[1, 2], [3]] and list(g) == []
    """)

case("context-manager", """
    class Guard:
        def __init__(self): self.open = False
        def __enter__(self): self.open = True; return self
        def __exit__(self, kind, value, tb): self.open = False; return ⟦True¦kind is KeyError⟧
    """, """
    import pytest
    from m import Guard
    def test_guard():
        with Guard() as g:
            assert g.open
            raise KeyError
        assert not g.open
        with pytest.raises(ValueError):
            with Guard(): raise ValueError
    """)

case("descriptor-and-slots", """
    class Positive:
        def __set_name__(self, owner, name): self.name = "_" + name
        def __get__(self, obj, owner=None): return self if obj is None else getattr(obj, self.name)
        def __set__(self, obj, value):
            if value ⟦<¦<=⟧ 0: raise ValueError(value)
            setattr(obj, self.name, value)
    class Item:
        __slots__ = ("_n",)
        n = Positive()
    """, """
    import pytest
    from m import Item
    def test_item():
        i = Item(); i.n = 3
        assert i.n == 3
        for bad in (0, -1):
            with pytest.raises(ValueError): i.n = bad
        with pytest.raises(AttributeError): i.other = 1
    """)

case("inspect-signature", """
    def f(a, *, b⟦¦=1⟧): return a
    """, """
    import inspect
    from m import f
    def test_f():
        assert inspect.signature(f).parameters["b"].default == 1
        assert "return a" in inspect.getsource(f)
    """)

case("pickle-and-copy", """
    class P:
        def __init__(self, x): self.x = x
        def __eq__(self, o): return isinstance(o, P) and self.x == o.x
        def __reduce__(self): return (P, (⟦0¦self.x⟧,))
    """, """
    import copy, pickle
    from m import P
    def test_p(): assert pickle.loads(pickle.dumps(P(3))) == P(3) == copy.deepcopy(P(3))
    """)

case("weakref-gc", """
    import weakref
    class Pool:
        def __init__(self): self.items = ⟦[]¦weakref.WeakSet()⟧
        def add(self, x): (self.items.append if isinstance(self.items, list) else self.items.add)(x)
    class Item: pass
    """, """
    import gc
    from m import Pool, Item
    def test_pool():
        p, i = Pool(), Item()
        p.add(i); assert len(p.items) == 1
        del i; gc.collect()
        assert len(p.items) == 0
    """)

case("typing-protocol", """
    from typing import Protocol, runtime_checkable
    @runtime_checkable
    class Closes(Protocol):
        def close(self): ...
    def shut(x): return isinstance(x, Closes) ⟦or¦and⟧ x.close() is None
    """, """
    import io
    from m import shut
    def test_shut(): assert shut(io.StringIO()) and not shut(3)
    """)

case("argv-main", """
    import argparse
    def main(argv=None):
        p = argparse.ArgumentParser(prog="tool")
        p.add_argument("n", type=int); p.add_argument("--twice", action="store_true")
        a = p.parse_args(argv)
        print(a.n * (⟦1¦2⟧ if a.twice else 1))
    """, """
    import pytest, sys
    from m import main
    def test_main(capsys):
        main(["4", "--twice"]); assert capsys.readouterr().out == "8\\n"
    def test_argv(monkeypatch, capsys):
        monkeypatch.setattr(sys, "argv", ["tool", "4"]); main(); assert capsys.readouterr().out == "4\\n"
    def test_usage(capsys):
        with pytest.raises(SystemExit) as e: main(["x"])
        assert e.value.code == 2 and "usage: tool" in capsys.readouterr().err
    """)

case("argv-as-given", """
    import sys
    def args(): return sys.argv[⟦0¦1⟧:]
    """, """
    import sys
    from m import args
    def test_args(): assert args()[0].endswith("test_m.py") and sys.argv[0].endswith("__main__.py")
    def test_main(): assert sys.modules["__main__"].__spec__.name == "pytest.__main__"
    """, freshDiffers=True)

case("stdin-monkeypatch", """
    import sys
    def total(): return sum(int(l) for l in sys.stdin⟦.read()¦⟧ if l.strip())
    """, """
    import io
    from m import total
    def test_total(monkeypatch):
        monkeypatch.setattr("sys.stdin", io.StringIO("10\\n2\\n"))
        assert total() == 12
    """)

case("stdin-read-is-refused", """
    def ask(): ⟦return input()¦return "x"⟧
    """, """
    from m import ask
    def test_ask(): assert ask() == "x"
    """, report={"bad": {"type": "OSError", "programLine": 1}})

case("environment", """
    import os
    def place(): return os.environ["COE_CASE_⟦B¦A⟧"]
    """, """
    from m import place
    def test_place(): assert place() == "yes"
    """, env={"COE_CASE_A": "yes"})

case("cwd", """
    import os
    def root(): return os.path.basename(os.getcwd()) ⟦+ "x"¦⟧
    """, """
    from m import root
    def test_root(): assert root() == "project"
    """)

case("random-seeded", """
    import random
    def roll(rng): return rng.randint(1, ⟦5¦6⟧)
    """, """
    import random
    from m import roll
    def test_roll():
        random.seed(7); a = [roll(random) for _ in range(50)]
        random.seed(7); assert a == [roll(random) for _ in range(50)]
        assert max(a) == 6
    """)

case("hash-of-sets", """
    def uniq(xs): return ⟦list(set(xs))[:1]¦sorted(set(xs))⟧
    """, """
    from m import uniq
    def test_uniq(): assert uniq(["b", "a", "b"]) == ["a", "b"]
    """)

case("time-patched", """
    import datetime
    def today(): return datetime.date.⟦min¦today()⟧
    """, """
    import datetime
    from unittest import mock
    import m
    def test_today():
        class D(datetime.date):
            @classmethod
            def today(cls): return cls(2020, 1, 2)
        with mock.patch("m.datetime.date", D): assert m.today() == D(2020, 1, 2)
    """)

case("freezegun", """
    from datetime import datetime
    def year(): return datetime.now().year ⟦+ 1¦⟧
    """, """
    from freezegun import freeze_time
    from m import year
    @freeze_time("2012-01-14")
    def test_year(): assert year() == 2012
    """)

case("importlib-reload", """
    import os
    DEBUG = os.environ.get("DBG", "0") == "⟦0¦1⟧"
    """, """
    import importlib, m
    def test_reload(monkeypatch):
        monkeypatch.setenv("DBG", "1"); importlib.reload(m); assert m.DEBUG
        monkeypatch.delenv("DBG"); importlib.reload(m); assert not m.DEBUG
    """)

case("big-output", """
    def shout(n):
        for i in range(n): print("x" * 100)
        return n ⟦- 1¦⟧
    """, """
    from m import shout
    def test_shout(): assert shout(20000) == 20000
    """)

case("big-values", """
    def table(n): return [[i * j for i in range(n)] for j in range(n⟦ - 1¦⟧)]
    """, """
    from m import table
    def test_table(): assert table(100) == [[i * j for i in range(100)] for j in range(100)]
    """)

case("repr-raises", """
    class Odd:
        def __init__(self, n): self.n = n
        def __eq__(self, o): return self.n == o.n
        def __repr__(self): raise RuntimeError("no repr")
    def make(n): return Odd(n ⟦+ 1¦⟧)
    """, """
    from m import Odd, make
    def test_make(): assert make(1) == Odd(1)
    """)

case("unicode-message", """
    def greet(n): return "Grüße, %s ⟦\\ud83d¦👋⟧" % n
    """, """
    from m import greet
    def test_greet(): assert greet("Ünal") == "Grüße, Ünal 👋"
    """)

case("latin1-file", "# -*- coding: latin-1 -*-\ndef name():\n    return '\u00fc' * ⟦2¦1⟧\n", """
    from m import name
    def test_name(): assert len(name().encode("latin-1")) == 1
    """, expected=("fail", "fail"))

# ---- numpy and pandas

case("numpy-allclose", """
    import numpy as np
    def normal(v): return v / np.⟦abs(v).sum()¦linalg.norm(v)⟧
    """, """
    import numpy as np
    from m import normal
    def test_normal():
        np.testing.assert_allclose(normal(np.array([3.0, 4.0])), [0.6, 0.8])
        assert np.isclose(np.linalg.norm(normal(np.arange(1, 4))), 1)
    """)

case("numpy-shape", """
    import numpy as np
    def windows(a, n): return np.lib.stride_tricks.sliding_window_view(a, n)⟦.T¦⟧
    """, """
    import numpy as np
    from m import windows
    def test_windows():
        w = windows(np.arange(5), 2)
        assert w.shape == (4, 2)
        assert (w[:, 1] - w[:, 0] == 1).all()
        np.testing.assert_array_equal(w[0], [0, 1])
    """)

case("numpy-random", """
    import numpy as np
    def shuffled(n, seed): return np.random.default_rng(seed⟦ + 1¦⟧).permutation(n)
    """, """
    import numpy as np
    from m import shuffled
    def test_seed(): assert (shuffled(5, 3) == np.random.default_rng(3).permutation(5)).all()
    def test_global():
        np.random.seed(0); a = np.random.rand(); np.random.seed(0); assert a == np.random.rand()
    """)

case("numpy-warnings", """
    import numpy as np
    def ratio(a, b):
        ⟦return a / b¦return np.divide(a, b, out=np.zeros_like(a), where=b != 0)⟧
    """, """
    import numpy as np, pytest
    from m import ratio
    @pytest.mark.filterwarnings("error")
    def test_ratio(): assert ratio(np.array([1.0]), np.array([0.0]))[0] == 0
    """)

case("pandas-frame", """
    import pandas as pd
    def totals(df): return df.groupby("k", as_index=False)["v"].⟦mean¦sum⟧()
    """, """
    import pandas as pd
    from pandas.testing import assert_frame_equal
    from m import totals
    def test_totals():
        df = pd.DataFrame({"k": ["a", "b", "a"], "v": [1, 2, 3]})
        assert_frame_equal(totals(df), pd.DataFrame({"k": ["a", "b"], "v": [4, 2]}), check_dtype=False)
    """)

case("pandas-csv", """
    import pandas as pd
    def load(path): return pd.read_csv(path⟦¦, parse_dates=["day"]⟧)
    """, """
    import pandas as pd
    from m import load
    def test_load(tmp_path):
        (tmp_path / "a.csv").write_text("day,n\\n2024-01-02,3\\n")
        df = load(tmp_path / "a.csv")
        assert df["day"].dt.year.tolist() == [2024] and df.shape == (1, 2)
    """)

# ---- unittest

case("unittest-equal", """
    def add(a, b): return a ⟦-¦+⟧ b
    """, """
    import unittest
    from m import add
    class TestAdd(unittest.TestCase):
        def test_add(self):
            self.assertEqual(add(1, 2), 3)
        def test_zero(self):
            self.assertEqual(add(0, 0), 0)
    if __name__ == "__main__":
        unittest.main()
    """, runner="unittest", report={"bad": {"call": "add(1, 2)", "got": "-1", "want": "3", "testLine": 5}})

case("unittest-kinds", """
    def split(s): return s.split(⟦¦","⟧)
    """, """
    import unittest
    from m import split
    class T(unittest.TestCase):
        def test_list(self): self.assertListEqual(split("a,b"), ["a", "b"])
        def test_count(self): self.assertCountEqual(split("a,b"), ["b", "a"])
        def test_in(self): self.assertIn("a", split("a,b"))
        def test_len(self): self.assertGreater(len(split("a,b")), 1)
        def test_true(self): self.assertTrue(split("a,b"))
        def test_none(self): self.assertIsNotNone(split(""))
        def test_type(self): self.assertIsInstance(split("x"), list)
        def test_multi(self): self.assertMultiLineEqual("\\n".join(split("a,b")), "a\\nb")
    """, runner="unittest")

case("unittest-raises", """
    def div(a, b):
        ⟦if b == 0: return 0¦pass⟧
        return a / b
    """, """
    import unittest
    from m import div
    class T(unittest.TestCase):
        def test_a(self):
            with self.assertRaises(ZeroDivisionError): div(1, 0)
        def test_b(self): self.assertRaises(ZeroDivisionError, div, 1, 0)
        def test_c(self):
            with self.assertRaisesRegex(ZeroDivisionError, "division"): div(2, 0)
    """, runner="unittest", report={"bad": {"call": "div(1, 0)", "want": "ZeroDivisionError", "got": "no exception"}})

case("unittest-almost", """
    def half(x): return x / ⟦2.1¦2⟧
    """, """
    import unittest
    from m import half
    class T(unittest.TestCase):
        def test_half(self):
            self.assertAlmostEqual(half(1), 0.5000000001)
            self.assertAlmostEqual(half(3), 1.49, delta=0.1)
    """, runner="unittest")

case("unittest-subtest", """
    def sq(n): return n * ⟦2¦n⟧
    """, """
    import unittest
    from m import sq
    class T(unittest.TestCase):
        def test_squares(self):
            for n in range(5):
                with self.subTest(n=n):
                    self.assertEqual(sq(n), n ** 2)
    """, runner="unittest")

case("unittest-setup-class", """
    class Db:
        def __init__(self): self.rows = ⟦[0]¦[]⟧
    """, """
    import unittest
    from m import Db
    def setUpModule(): global ready; ready = 1
    def tearDownModule(): pass
    class T(unittest.TestCase):
        @classmethod
        def setUpClass(cls): cls.db = Db()
        def setUp(self): self.addCleanup(self.db.rows.clear)
        def test_a(self): self.assertEqual(self.db.rows, []); self.db.rows.append(1)
        def test_b(self): self.assertEqual(self.db.rows, []); self.assertEqual(ready, 1)
    """, runner="unittest")

case("unittest-setup-class-error", """
    class Db:
        def __init__(self): ⟦raise OSError("no database")¦self.rows = []⟧
    """, """
    import unittest
    from m import Db
    class T(unittest.TestCase):
        @classmethod
        def setUpClass(cls): cls.db = Db()
        def test_a(self): self.assertEqual(self.db.rows, [])
    class U(unittest.TestCase):
        def test_b(self): pass
    """, runner="unittest", report={"bad": {"phase": "setup", "programLine": 2, "type": "OSError"}})

case("unittest-setup-own-error", """
    def one(): return ⟦2¦1⟧
    """, """
    import unittest
    from m import one
    class T(unittest.TestCase):
        def setUp(self): self.x = {}["k"]
        def test_a(self): self.assertEqual(one(), 1)
    """, runner="unittest", expected=("fail", "fail"), report={"good": {"phase": "setup", "setup": True}})

case("unittest-skip-and-expected", """
    def f(): return ⟦2¦1⟧
    """, """
    import unittest
    from m import f
    class T(unittest.TestCase):
        @unittest.skip("later")
        def test_a(self): self.fail()
        @unittest.expectedFailure
        def test_b(self): self.assertEqual(f(), 3)
        def test_c(self): self.assertEqual(f(), 1)
        def test_d(self): self.skipTest("inside")
    @unittest.skipIf(True, "class")
    class U(unittest.TestCase):
        def test_e(self): self.fail()
    """, runner="unittest")

case("unittest-unexpected-success", """
    def f(): return ⟦1¦2⟧
    """, """
    import unittest
    from m import f
    class T(unittest.TestCase):
        @unittest.expectedFailure
        def test_b(self): self.assertEqual(f(), 1)
    """, runner="unittest", report={"bad": {"outcome": "failed"}})

case("unittest-async", """
    import asyncio
    async def double(n): await asyncio.sleep(0); return n * ⟦3¦2⟧
    """, """
    import unittest
    from m import double
    class T(unittest.IsolatedAsyncioTestCase):
        async def asyncSetUp(self): self.n = await double(1)
        async def test_double(self): self.assertEqual(await double(self.n), 4)
        async def asyncTearDown(self): self.assertTrue(self.n)
    """, runner="unittest")

case("unittest-mock-logs", """
    import logging
    def save(x): logging.getLogger("app").⟦info¦error⟧("no %s", x)
    """, """
    import unittest
    from unittest import mock
    import m
    class T(unittest.TestCase):
        def test_logs(self):
            with self.assertLogs("app", level="ERROR") as c: m.save("x")
            self.assertEqual(c.output, ["ERROR:app:no x"])
        @mock.patch("m.logging.getLogger")
        def test_mock(self, get): m.save(1); get.assert_called_with("app")
    """, runner="unittest")

case("unittest-warns", """
    import warnings
    def old(): warnings.warn("old", ⟦UserWarning¦DeprecationWarning⟧)
    """, """
    import unittest
    from m import old
    class T(unittest.TestCase):
        def test_old(self):
            with self.assertWarns(DeprecationWarning): old()
    """, runner="unittest")

case("unittest-plain-assert", """
    def f(n): return n ⟦+ 2¦+ 1⟧
    """, """
    import unittest
    from m import f
    class T(unittest.TestCase):
        def test_f(self):
            got = f(1)
            assert got == 2, "off"
    """, runner="unittest", report={"bad": {"got": "3", "want": "2", "message": "off"}})

case("unittest-ids", """
    def f(): return ⟦2¦1⟧
    """, """
    import unittest
    from m import f
    class T(unittest.TestCase):
        def test_a(self): self.assertEqual(f(), 1)
        def test_b(self): self.fail()
    """, runner="unittest", arguments=["test_m.py::T::test_a"])

case("unittest-folder", """
    def f(): return ⟦2¦1⟧
    """, """
    import unittest
    from m import f
    class T(unittest.TestCase):
        def test_a(self): self.assertEqual(f(), 1)
    """, runner="unittest", test="tests/test_m.py", arguments=["tests"], startKind="unittest", files={"tests/m2.py": ""},
    expected=("fail", "pass"))

case("unittest-several-files", """
    def f(): return ⟦2¦1⟧
    """, """
    import unittest
    from m import f
    class T(unittest.TestCase):
        def test_a(self): self.assertEqual(f(), 1)
    """, runner="unittest", arguments=["test_m.py", "tests/test_n.py"], files={"tests/test_n.py": """
    import unittest, m
    class N(unittest.TestCase):
        def test_n(self): self.assertEqual(m.f() + 1, 2)
    """})

case("unittest-program-error", """
    def f(): return 1
    ⟦X = f(1)¦X = f()⟧
    """, """
    import unittest
    import m
    class T(unittest.TestCase):
        def test_x(self): self.assertEqual(m.X, 1)
    """, runner="unittest", report={"bad": {"programLine": 2, "type": "TypeError"}})

case("unittest-import-error", """
    def ⟦g¦f⟧(): return 1
    """, """
    import unittest
    from m import f
    class T(unittest.TestCase):
        def test_x(self): self.assertEqual(f(), 1)
    """, runner="unittest", report={"bad": {"type": "ImportError", "outcome": "failed", "phase": "collect"}})

case("unittest-syntax-error", """
    def f(: return 1
    ⟦¦⟧""", """
    import unittest
    from m import f
    class T(unittest.TestCase):
        def test_x(self): self.assertEqual(f(), 1)
    """, runner="unittest", expected=("fail", "fail"), report={"good": {"type": "SyntaxError", "programLine": 1}})

case("unittest-load-tests", """
    def f(): return ⟦2¦1⟧
    """, """
    import unittest
    from m import f
    class T(unittest.TestCase):
        def __init__(self, n): super().__init__("check"); self.n = n
        def check(self): self.assertEqual(f(), self.n)
    def load_tests(loader, tests, pattern): return unittest.TestSuite([T(1), T(1)])
    """, runner="unittest")

case("unittest-under-pytest", """
    def f(): return ⟦2¦1⟧
    """, """
    import unittest
    from m import f
    class T(unittest.TestCase):
        def test_a(self):
            for i in range(3):
                with self.subTest(i=i): self.assertEqual(f() * i, i)
        @unittest.skip("x")
        def test_b(self): pass
        @unittest.expectedFailure
        def test_c(self): self.assertEqual(f(), 5)
    def test_plain(): assert f() == 1
    """)

case("unittest-exit-in-test", """
    import sys
    def f(): ⟦sys.exit(0)¦return 1⟧
    """, """
    import unittest
    from m import f
    class T(unittest.TestCase):
        def test_a(self): self.assertEqual(f(), 1)
    """, runner="unittest")

case("unittest-no-tests", """
    def f(): return 1
    """, """
    import unittest
    class Helper(unittest.TestCase):
        def check(self): pass
    """, runner="unittest", report={"good": {"outcome": "unusable"}})

case("unittest-buffer-output", """
    def f(): print("noise"); return ⟦2¦1⟧
    """, """
    import contextlib, io, unittest
    from m import f
    class T(unittest.TestCase):
        def test_a(self):
            out = io.StringIO()
            with contextlib.redirect_stdout(out): self.assertEqual(f(), 1)
            self.assertEqual(out.getvalue(), "noise\\n")
    """, runner="unittest")

# ---- doctest

case("doctest-function", '''
    def add(a, b):
        """Adds.

        >>> add(1, 2)
        3
        >>> add("a", "b")
        'ab'
        """
        return a + b⟦ + b¦⟧
    ''', runner="doctest", report={"bad": {"call": "add(1, 2)", "got": "5", "want": "3", "testLine": 4}})

case("doctest-module-globals", '''
    """Module.

    >>> total(ITEMS)
    6
    >>> import math
    >>> math.floor(2.5)
    2
    """
    ITEMS = [1, 2, 3]
    def total(xs): return sum(xs⟦[1:]¦⟧)
    ''', runner="doctest")

case("doctest-class", '''
    class Stack:
        """
        >>> s = Stack()
        >>> s.push(1)
        >>> s.push(2)
        >>> s.pop()
        2
        >>> len(s)
        1
        """
        def __init__(self): self._x = []
        def push(self, v):
            """
            >>> Stack().push(3)
            """
            self._x.append(v)
        def pop(self): return self._x.pop(⟦0¦-1⟧)
        def __len__(self): return len(self._x)
        @property
        def top(self):
            """
            >>> s = Stack(); s.push(5); s.top
            5
            """
            return self._x[-1]
        @staticmethod
        def make(*v):
            """
            >>> len(Stack.make(1, 2))
            2
            """
            s = Stack()
            for x in v: s.push(x)
            return s
    ''', runner="doctest")

case("doctest-ellipsis", '''
    def names(n):
        """
        >>> names(20)  # doctest: +ELLIPSIS
        ['n0', 'n1', ..., 'n19']
        >>> print(*names(3))  # doctest: +NORMALIZE_WHITESPACE
        n0   n1
          n2
        >>> names(object())  # doctest: +SKIP
        nothing
        """
        return ["n%d" % i for i in range(⟦1, n¦n⟧)]
    ''', runner="doctest")

case("doctest-exception", '''
    def half(n):
        """
        >>> half(3)
        Traceback (most recent call last):
            ...
        ValueError: odd: 3
        >>> half("x")  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        TypeError: whatever
        """
        if n % 2⟦ == 0¦⟧: raise ValueError("odd: %d" % n)
        return n // 2
    ''', runner="doctest")

case("doctest-blankline", '''
    def para():
        """
        >>> print(para())
        a
        <BLANKLINE>
        b
        """
        return "a⟦\\n¦\\n\\n⟧b"
    ''', runner="doctest")

case("doctest-unexpected-exception", '''
    def first(xs):
        """
        >>> first([])
        >>> first([7])
        7
        """
        return xs[0]⟦¦ if xs else None⟧
    ''', runner="doctest", report={"bad": {"type": "IndexError", "programLine": 7}})

case("doctest-test-dict", '''
    def f(): return ⟦2¦1⟧
    __test__ = {"extra": """
    >>> f()
    1
    """}
    ''', runner="doctest")

case("doctest-report-first", '''
    def f(n):
        """
        >>> f(1)  # doctest: +REPORT_NDIFF
        1
        >>> f(2) #doctest: +ELLIPSIS, +NORMALIZE_WHITESPACE
        2
        >>> _ = f(3)
        >>> for i in range(2):
        ...     print(f(i))
        0
        1
        """
        return n⟦ + 1¦⟧
    ''', runner="doctest")

case("doctest-sibling-import", '''
    from helper import base
    def up(n):
        """
        >>> up(1)
        11
        """
        return n ⟦-¦+⟧ base()
    ''', runner="doctest", files={"helper.py": "def base():\n    return 10\n"})

case("doctest-named-like-stdlib", '''
    def pick(xs):
        """
        >>> pick([4, 5])
        4
        """
        return xs[⟦1¦0⟧]
    ''', runner="doctest", file="queue.py")

case("doctest-subclass", '''
    class A:
        """
        >>> class B(A):
        ...     def name(self): return "b"
        >>> B().hello()
        'hello b'
        """
        def name(self): return "a"
        def hello(self): return "hello " + ⟦A.name(self)¦self.name()⟧
    ''', runner="doctest")

case("doctest-text-file", """
    def f(n): return n * ⟦3¦2⟧
    """, """
    The program doubles:

        >>> from m import f
        >>> f(2)
        4
    """, runner="doctest", test="usage.txt", arguments=["usage.txt"])

case("doctest-none", '''
    def f():
        """Nothing to see."""
        return 1
    ''', runner="doctest", report={"good": {"outcome": "unusable"}})

case("doctest-syntax-error", '''
    def f()⟦¦:⟧
        """
        >>> f()
        1
        """
        return 1
    ''', runner="doctest", report={"bad": {"type": "SyntaxError", "programLine": 1}})

case("doctest-stdout-and-value", '''
    def f(n):
        """
        >>> f(2)
        n is 2
        4
        """
        print("n is", ⟦n + 1¦n⟧)
        return n * 2
    ''', runner="doctest", report={"bad": {"got": "n is 3\n4", "want": "n is 2\n4"}})

# ---- plain asserts

case("script-asserts", """
    def add(a, b): return a ⟦-¦+⟧ b
    """, """
    from m import add
    assert add(0, 0) == 0
    assert add(1, 2) == 3
    assert add(2, 2) == 4, "two and two"
    """, runner="script", report={"bad": {"call": "add(1, 2)", "got": "-1", "want": "3", "testLine": 3}})

case("script-loop", """
    def sq(n): return n * ⟦2¦n⟧
    """, """
    import m
    for n, want in [(0, 0), (2, 4), (3, 9)]:
        assert m.sq(n) == want, (n, want)
    assert not m.sq(0)
    print("all good")
    """, runner="script")

case("script-functions", """
    def low(s): return s.⟦upper¦lower⟧()
    """, """
    from m import low
    def test_low():
        assert low("A") == "a"
    def test_empty():
        assert low("") == ""
    if __name__ == "__main__":
        test_low()
        test_empty()
        print("ok")
    """, runner="script", report={"bad": {"call": "low('A')", "got": "'A'", "want": "'a'"}})

case("script-exception", """
    def div(a, b): return ⟦0¦a / b⟧
    """, """
    from m import div
    try:
        div(1, 0)
    except ZeroDivisionError:
        pass
    else:
        raise AssertionError("no error")
    assert div(4, 2) == 2
    """, runner="script")

case("script-exit-code", """
    def f(): return ⟦2¦1⟧
    """, """
    import sys
    from m import f
    if f() != 1:
        print("wrong")
        sys.exit(3)
    assert f() == 1
    """, runner="script")

case("script-setup-error", """
    ⟦raise OSError("boom")¦X = 1⟧
    """, """
    import m
    assert m.X == 1
    """, runner="script", report={"bad": {"type": "OSError", "programLine": 1}})

case("script-argv-file", """
    import os, sys
    def where(): return os.path.basename(sys.argv[0]) ⟦+ "x"¦⟧
    """, """
    from m import where
    assert where() == "checks.py", where()
    assert __name__ == "__main__" and __file__.endswith("checks.py")
    """, runner="script")

case("script-future-and-doc", '''
    def f(): return ⟦2¦1⟧
    ''', '''
    """Checks."""
    from __future__ import annotations
    from m import f
    def g(x: Nope) -> Never: return x
    assert __doc__ == "Checks."
    assert g(f()) == 1
    ''', runner="script")

case("script-in-folder", """
    def f(): return ⟦2¦1⟧
    """, """
    import os, sys
    sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
    from m import f
    assert f() == 1
    """, runner="script", test="checks/run.py")

case("script-several", """
    def f(n): return n ⟦- 1¦+ 1⟧
    """, """
    from m import f
    assert f(1) == 2
    """, runner="script", arguments=["checks.py"], files={"other.py": "import m\nassert m.f(3) == 4\n"})

case("script-walrus-and-chains", """
    def f(n): return n + ⟦2¦1⟧
    """, """
    from m import f
    assert (x := f(1)) == 2
    assert 1 < f(1) < 3
    assert f(0) == 1 and f(5) == 6
    assert x == 2
    assert isinstance(f(1), int)
    assert [f(i) for i in range(2)] == [1, 2]
    assert f(1) in (2, 7)
    """, runner="script")

case("script-stdin", """
    def ask(): return input() ⟦+ "x"¦⟧
    """, """
    import io, sys
    from m import ask
    sys.stdin = io.StringIO("a\\nb\\n")
    assert ask() == "a"
    assert ask() == "b"
    """, runner="script")

# ---- what is there before the fork

case("conftest-imports-through-ini-path", """
    import os
    PID = os.getpid()
    def f(): return ⟦1¦2⟧
    """, """
    import os
    from app.core import f
    def test_pid(pid): assert pid == os.getpid()
    def test_f(): assert f() == 2
    """, file="backend/app/core.py", test="tests/test_a.py", files={
    "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['backend']\n", "backend/app/__init__.py": "",
    "tests/conftest.py": "import pytest\nfrom app.core import PID\n@pytest.fixture\ndef pid(): return PID\n"})

case("conftest-imports-through-helper", """
    import os
    PID = os.getpid()
    def f(): return ⟦1¦2⟧
    """, """
    import os, core
    def test_pid(): assert core.PID == os.getpid()
    def test_f(): assert core.f() == 2
    """, file="lib/core.py", test="tests/test_a.py", files={"helpers/kit.py": "import core\n", "tests/conftest.py": """
    import os, sys
    sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
    sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "helpers"))
    import kit
    """})

case("package-holds-typing-and-enum", """
    import enum, typing, signal, http
    def f(): return isinstance(http.HTTPStatus.OK, enum.Enum) and isinstance(signal.SIGINT, enum.IntEnum) is ⟦False¦True⟧
    T = typing.TypeVar("T")
    class Box(typing.Generic[T]): pass
    """, """
    from pkg.model import f, Box
    def test_f(): assert f()
    def test_box(): assert Box[int].__origin__ is Box
    """, file="pkg/model.py", files={"pkg/__init__.py": "", "pkg/enum.py": "Y = 1\n", "pkg/typing.py": "X = 1\n"})

case("package-holds-asyncio", """
    import asyncio
    async def g():
        try: await asyncio.wait_for(asyncio.sleep(5), 0.01)
        except asyncio.TimeoutError: return ⟦"early"¦"late"⟧
    """, """
    import unittest
    from pkg.m import g
    class T(unittest.IsolatedAsyncioTestCase):
        async def test_g(self): self.assertEqual(await g(), "late")
    """, runner="unittest", file="pkg/m.py", files={"pkg/__init__.py": "", "pkg/asyncio.py": ""})

case("package-holds-enum-doctest", """
    import http
    def f():
        '''
        >>> f()
        True
        '''
        import enum
        return isinstance(http.HTTPStatus.OK, enum.Enum) is ⟦False¦True⟧
    """, None, runner="doctest", file="pkg/m.py", files={"pkg/__init__.py": "", "pkg/enum.py": ""})

case("folder-beside-has-statistics", """
    import statistics
    def avg(x): return statistics.mean(x)⟦ + "x"¦⟧
    """, """
    from m import avg
    def test_avg(): assert avg([1]) == "vendored"
    """, files={"pytest.ini": "[pytest]\npythonpath = vendor\n", "vendor/statistics.py": "def mean(x): return 'vendored'\n"})

case("conftest-adds-own-module", """
    import graphlib
    def f(): return graphlib.dumps(⟦2¦1⟧)
    """, """
    from m import f
    def test_f(): assert f() == "stub 1"
    """, files={"stubs/graphlib.py": "def dumps(x): return 'stub %s' % x\n",
                "conftest.py": "import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), 'stubs'))\n"})

case("import-in-function", """
    ⟦import sqlite3¦⟧
    def version():
        import sqlite3
        return sqlite3.sqlite_version
    """, """
    import sys, m
    def test_lazy(): assert "sqlite3" not in sys.modules
    """)

case("import-is-blocked", """
    def load():
        try:
            import graphlib
            return ⟦graphlib¦"there"⟧
        except ImportError:
            return ⟦1¦"none"⟧
    """, """
    import sys, m
    class Blocker:
        def find_spec(self, name, path=None, target=None):
            if name == "graphlib": raise ImportError("blocked")
    def test_without(monkeypatch):
        monkeypatch.setattr(sys, "meta_path", [Blocker()] + sys.meta_path)
        assert m.load() == "none"
    """)

case("environment-before-import", """
    import os
    os.environ["PYTHONTZPATH"] = "/nowhere"
    import zoneinfo
    def path(): return zoneinfo.TZPATH + ⟦(1,)¦()⟧
    """, """
    import m
    def test_path(): assert m.path() == ("/nowhere",)
    """)

case("python-path-relative", """
    def f(): return ⟦1¦2⟧
    """, """
    from m import f
    def test_f(): assert f() == 2
    """, file="src/m.py", test="tests/test_m.py", env={"PYTHONPATH": "src"})

case("own-plugin-uses-cache", """
    def f(): return ⟦1¦2⟧
    """, """
    import m
    def test_f(count): assert m.f() == 2 and count == 0
    """, files={"conftest.py": "pytest_plugins = ['tools.plug']\n", "tools/__init__.py": "", "tools/plug.py": """
    import pytest
    @pytest.fixture
    def count(request):
        n = request.config.cache.get("n", 0)
        request.config.cache.set("n", n + 1)
        return n
    """})

case("script-asks-globals", """
    def f(): return ⟦1¦2⟧
    """, """
    from m import f
    x = 1
    assert [k for k in globals() if not k.startswith("__")] == ["f", "x"]
    assert f() == 2
    assert "f" in dir() and not [k for k in dir() if k[0] == "@"]
    """, runner="script")

case("exit-handler-ends-process", """
    def f(): return ⟦1¦2⟧
    """, """
    import atexit, os
    import m
    def test_f():
        assert m.f() in (1, 2)
        atexit.register(lambda: os._exit(0 if m.f() == 2 else 3))
    """)

case("no-terminal", """
    def f(): return ⟦1¦2⟧
    """, """
    from m import f
    def test_f(): assert f() == 2
    """, files={"pytest.ini": "[pytest]\naddopts = -p no:terminal\n"})

case("status-in-own-words", """
    def f(): return ⟦1¦2⟧
    """, """
    from m import f
    def test_f(): assert f() == 2
    """, files={"conftest.py": """
    def pytest_report_teststatus(report, config):
        if report.when == "call": return ("boom", "!", "BOOM") if report.failed else ("", "", "")
    """})

# ---- other commands

case("command-exit-code", """
    def f(): return ⟦2¦1⟧
    """, None, runner="command", arguments=[], command="PYTHON -c 'import m; assert m.f() == 1'")

case("command-junit", """
    def f(): return ⟦2¦1⟧
    """, """
    from m import f
    def test_f(): assert f() == 1
    def test_ok(): pass
    """, runner="command", test="test_m.py", arguments=[], command="PYTHON -m pytest -q -p no:cacheprovider --junitxml=out.xml",
    report={"bad": {"id": "test_m::test_f"}})

case("command-list", """
    import sys
    sys.exit(⟦4¦0⟧)
    """, None, runner="command", arguments=[], command=["/bin/sh", "-c", "python3 m.py"])
