"""Checks of the warm runner: `python3 -m unittest Tests/UserRunnerTests/runner_test.py`, within a minute.

COE_RUNNER_PYTHON names an interpreter with pytest, pytest-asyncio and pytest-mock; the default is the one that runs this.
All cases: `scripts/compare-runners --python PYTHON`.
"""
import argparse, importlib.machinery, importlib.util, os, shutil, statistics, subprocess, sys, tempfile, time, unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PYTHON = os.environ.get("COE_RUNNER_PYTHON", sys.executable)
sys.dont_write_bytecode = True
_loader = importlib.machinery.SourceFileLoader("compare_runners", os.path.join(ROOT, "scripts", "compare-runners"))
compare_runners = importlib.util.module_from_spec(importlib.util.spec_from_loader("compare_runners", _loader))
_loader.exec_module(compare_runners)

HAS_PYTEST = subprocess.run([PYTHON, "-c", "import pytest, pytest_asyncio, pytest_mock"], capture_output=True).returncode == 0
needs_pytest = unittest.skipUnless(HAS_PYTEST, "COE_RUNNER_PYTHON names no interpreter with pytest and its plugins")

ADD = "def add(a, b):\n    return a + b\n"
SCRIPT = "from m import add\nassert add(1, 2) == 3\n"
CASE = "import unittest\nfrom m import add\nclass T(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(1, 2), 3)\n"
PYTEST = "import pytest\nfrom m import add\ndef test_add():\n    assert add(1, 2) == 3\n"


class RunnerTests(unittest.TestCase):
    def project(self, **files):
        folder = tempfile.mkdtemp(prefix="coe-runner-test-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        for name, text in files.items():
            with open(os.path.join(folder, name + ".py"), "w") as file:
                file.write(text)
        return folder

    def runner(self, folder, tests=("checks.py",), python=PYTHON, jail=None, **more):
        start = {"project": folder, "file": os.path.join(folder, "m.py"), "tests": list(tests), "seconds": 20, **more}
        runner = compare_runners.Runner(python, start, jail)
        self.addCleanup(runner.close)
        return runner

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()

    def listing(self, folder):
        return sorted(os.path.join(p, n) for p, _, names in os.walk(folder) for n in names)

    # -- verdicts

    def test_kinds_are_guessed(self):
        folder = self.project(m=ADD + '\ndef one():\n    """\n    >>> one()\n    1\n    """\n    return 1\n', checks=SCRIPT, test_case=CASE)
        for tests, kind in [(["checks.py"], "script"), (["test_case.py"], "unittest"), ([], "doctest")]:
            runner = self.runner(folder, tests)
            self.assertEqual(runner.ready["kind"], kind)
            source = self.read(os.path.join(folder, "m.py"))
            self.assertEqual(runner.job(source)["outcome"], "passed")
            self.assertEqual(runner.job(source.replace(b"a + b", b"a - b").replace(b"return 1", b"return 2"))["outcome"], "failed")

    @needs_pytest
    def test_every_sixtieth_variant_agrees_with_the_real_runner(self):
        found = subprocess.run([sys.executable, os.path.join(ROOT, "scripts", "compare-runners"), "--python", PYTHON, "--quick", "60"],
                               capture_output=True, text=True)
        self.assertEqual(found.returncode, 0, found.stdout + found.stderr)

    def test_cases_without_pytest_agree_with_the_real_runner(self):
        target = tempfile.mkdtemp(prefix="coe-cases-")
        self.addCleanup(shutil.rmtree, target)
        options = argparse.Namespace(python=PYTHON, time=0, bwrap=False, cache=None, patience=3)
        for name, variant, folder, case in compare_runners.cases_of_file(compare_runners.CASES, target):
            if case["runner"] in ("unittest", "doctest", "script"):
                with self.subTest(case=name, variant=variant):
                    self.assertEqual(compare_runners.compare(options, folder, case, variant)[0], [])

    def test_a_failure_names_call_got_want_and_lines(self):
        runner = self.runner(self.project(m=ADD, checks=SCRIPT))
        test = runner.job(b"def add(a, b):\n    return a - b\n")["tests"][0]
        self.assertEqual((test["call"], test["got"], test["want"], test["testLine"]), ("add(1, 2)", "-1", "3", 2))
        test = runner.job(b"def add(a, b):\n    return a.b\n")["tests"][0]
        self.assertEqual((test["type"], test["programLine"]), ("AttributeError", 2))

    def test_missing_pytest_is_said(self):
        bare = tempfile.mkdtemp(prefix="coe-bare-")
        self.addCleanup(shutil.rmtree, bare)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
        runner = self.runner(self.project(m=ADD, test_m=PYTEST), ["test_m.py"], os.path.join(bare, "bin", "python"))
        report = runner.job(ADD.encode())
        self.assertEqual(report["outcome"], "unusable")
        self.assertIn("need pytest, which is not installed for " + bare, report["sentence"])

    def test_a_missing_test_file_is_said(self):
        report = self.runner(self.project(m=ADD), ["absent.py"]).job(ADD.encode())
        self.assertEqual(report["outcome"], "unusable")
        self.assertIn("absent.py does not exist", report["sentence"])

    def test_a_file_outside_the_project_is_never_written(self):
        folder, elsewhere = self.project(checks=SCRIPT), self.project(m=ADD)
        runner = self.runner(folder, file=os.path.join(elsewhere, "m.py"))
        self.assertIn("outside the project", runner.job(b"X = 1")["sentence"])
        self.assertEqual(self.read(os.path.join(elsewhere, "m.py")), ADD.encode())

    # -- limits

    def test_an_endless_loop_ends_with_the_programs_line(self):
        runner = self.runner(self.project(m=ADD, checks=SCRIPT))
        begin = time.monotonic()
        report = runner.job(b"def add(a, b):\n    while True:\n        a += 1\n", seconds=0.5)
        self.assertLess(time.monotonic() - begin, 5)
        self.assertTrue(report["timedOut"])
        self.assertEqual((report["tests"][0]["outcome"], report["tests"][0]["testLine"]), ("timeout", 2))
        self.assertIn(report["tests"][0]["programLine"], (2, 3))
        self.assertEqual(runner.job(ADD.encode())["outcome"], "passed")

    def test_a_job_can_be_cancelled(self):
        runner = self.runner(self.project(m=ADD, checks=SCRIPT))
        runner.send({"text": "while True: pass\n"})
        time.sleep(0.3)
        self.assertEqual(runner.ask({"cancel": True})["outcome"], "cancelled")
        self.assertEqual(runner.job(ADD.encode())["outcome"], "passed")

    def test_memory_is_limited(self):
        runner = self.runner(self.project(m=ADD, checks=SCRIPT), memoryBytes=100 << 20)
        test = runner.job(b"def add(a, b):\n    x = bytearray(400 << 20)\n    return 3\n")["tests"][0]
        self.assertEqual((test["type"], test["programLine"]), ("MemoryError", 2))

    def test_output_is_bounded(self):
        runner = self.runner(self.project(m=ADD, checks=SCRIPT), outputBytes=1000)
        report = runner.job(b"def add(a, b):\n    for i in range(100000): print('x' * 50)\n    return 3\n")
        self.assertEqual(report["outcome"], "passed")
        self.assertLess(len(report["output"]), 1200)

    def test_ends_of_the_process_are_errors(self):
        runner = self.runner(self.project(m=ADD, checks=SCRIPT))
        for body, words in [("import os; os._exit(0)", "exit code 0"), ("import ctypes; ctypes.string_at(0)", "segmentation fault"),
                            ("import os; os.closerange(0, 4096); os._exit(0)", "exit code 0"),
                            ("import os; os.kill(os.getpid(), 9)", "killed")]:
            report = runner.job(("def add(a, b):\n    %s\n" % body).encode())
            self.assertEqual((report["outcome"], report["tests"][0]["outcome"]), ("failed", "error"), body)
            self.assertIn(words, report["tests"][0]["message"])
        self.assertEqual(runner.job(ADD.encode())["outcome"], "passed")

    def test_daemons_are_killed(self):
        folder = self.project(m=ADD, checks=SCRIPT)
        mark = os.path.join(folder, "alive")
        body = ("import os, subprocess, sys\ndef add(a, b):\n    if os.fork() == 0:\n        os.setsid()\n        if os.fork() == 0:\n"
                "            import time\n            time.sleep(1)\n            open(%r, 'w').close()\n        os._exit(0)\n    return a + b\n" % mark)
        self.assertEqual(self.runner(folder).job(body.encode())["outcome"], "passed")
        time.sleep(1.5)
        self.assertFalse(os.path.exists(mark))

    def test_everything_ends_with_the_line(self):
        folder = self.project(m=ADD, checks=SCRIPT)
        runner = self.runner(folder)
        runner.send({"text": "while True: pass\n"})
        time.sleep(0.3)
        runner.line.close()
        self.assertEqual(runner.process.wait(5), 0)

    # -- nothing is left

    def test_the_project_is_untouched_and_the_next_job_is_clean(self):
        folder = self.project(m=ADD, checks="import os\nfrom m import add\nassert add(1, 2) == 3\n", other="X = 1\n")
        before = self.listing(folder)
        text = {path: self.read(path) for path in before}
        runner = self.runner(folder)
        self.assertEqual(runner.job(b"import os\nopen('new.txt', 'w').close()\nos.remove('other.py')\nos.mkdir('d')\n"
                                    b"def add(a, b):\n    return a + b\n")["outcome"], "passed")
        report = runner.job(b"import os\ndef add(a, b):\n    return (os.path.exists('other.py'), os.path.exists('new.txt'), os.path.exists('d'))\n")
        self.assertEqual(report["tests"][0]["got"], "(True, False, False)")
        self.assertEqual(self.listing(folder), before)
        self.assertEqual({path: self.read(path) for path in before}, text)

    @unittest.skipUnless(shutil.which("bwrap"), "bubblewrap is not installed")
    def test_each_job_has_an_overlay_of_its_own(self):
        folder = self.project(m=ADD, checks=SCRIPT, other="X = 1\n")
        before = self.listing(folder)
        jail = ["bwrap", "--unshare-all", "--as-pid-1", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
                "--tmpfs", "/run", "--dir", "/run/coe", "--cap-add", "CAP_SYS_ADMIN"]
        runner = self.runner(folder, jail=jail, layer="overlay", stage="/run/coe")
        if runner.ready.get("unusable"):
            self.skipTest(runner.ready["unusable"])
        self.assertEqual(runner.ready["layer"], "overlay")
        report = runner.job(b"import os\nopen('new.txt', 'w').close()\nos.remove('other.py')\ndef add(a, b):\n    return a + b\n")
        self.assertEqual(report["outcome"], "passed", report)
        report = runner.job(b"import os\ndef add(a, b):\n    return (os.path.exists('other.py'), os.path.exists('new.txt'))\n")
        self.assertEqual(report["tests"][0]["got"], "(True, False)")
        report = runner.job(b"import ctypes, os\ndef add(a, b):\n    return ctypes.CDLL(None).unshare(0x20000)\n")
        self.assertEqual(report["tests"][0]["got"], "-1")  # the capability is gone
        self.assertEqual(self.listing(folder), before)

    # -- speed

    @needs_pytest
    def test_a_small_verdict_is_fast(self):
        folder = self.project(m=ADD, test_m=PYTEST)
        runner = self.runner(folder, ["test_m.py"])
        for _ in range(2):
            runner.job(ADD.encode())
        seconds = statistics.median(runner.job(ADD.encode())["cpuSeconds"] for _ in range(15))
        self.assertLess(seconds, 0.12)  # 10 ms on a quiet machine; shared ones take several times as long


if __name__ == "__main__":
    unittest.main()
