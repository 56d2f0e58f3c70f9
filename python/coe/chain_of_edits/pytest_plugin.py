# SPDX-License-Identifier: Apache-2.0
"""`pytest --coe`: a patch for the program, checked by the tests, where a test fails.

The patch is for a file of the project, never for a test. It is shown after the run, or written with `--coe-apply`.
"""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any, Generator

import pytest

from ._program import ProgramMissing
from ._repair import Repair, repair


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("coe", "repairs by chain-of-edits")
    group.addoption("--coe", action="store_true", help="Look for a patch that makes the failing tests pass.")
    group.addoption("--coe-apply", action="store_true", help="As --coe, and write the patch; the old file stays as .orig.")
    group.addoption("--coe-limit", type=int, default=3, metavar="N", help="Look at no more than N files (3).")
    group.addoption(
        "--coe-arguments", default="", metavar="TEXT", help="Further arguments of coe repair, such as '--samples 4'."
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--coe") or config.getoption("--coe-apply"):
        config.pluginmanager.register(Repairs(config), "coe-repairs")


class Repairs:
    """Collects failing tests, and repairs after the run."""

    def __init__(self, config: pytest.Config):
        self.config = config
        self.root = config.rootpath.resolve()
        #: The test file and the program's files that may be at fault, the likeliest first, for each failing test.
        self.failures: list[tuple[str, Path, list[Path]]] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed and report.when == "call" and call.excinfo is not None:
            self.failures.append((item.nodeid, Path(item.path).resolve(), self.suspects(item, call.excinfo)))
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        report = yield
        # A program with a syntax error fails while its tests are collected.
        if report.failed and isinstance(collector, pytest.Module) and report.longrepr is not None:
            path = Path(collector.path).resolve()
            named = [word.strip('",:') for word in str(report.longrepr).replace(":", " : ").split()]
            files = [Path(word) if Path(word).is_absolute() else self.root / word for word in named if word.endswith(".py")]
            self.failures.append((collector.nodeid, path, self.own(files, path)))
        return report

    def suspects(self, item: pytest.Item, error: pytest.ExceptionInfo[BaseException]) -> list[Path]:
        """Files of the project: those on the traceback from its end, then those of the functions that the test names,
        then the other modules that the test file imports."""
        test = Path(item.path).resolve()
        frames = [Path(str(entry.path)) for entry in reversed(error.traceback)]
        module = getattr(item, "module", None)
        used: list[Path] = []
        rest: list[Path] = []
        function = getattr(item, "obj", None)
        names = set(getattr(getattr(function, "__code__", None), "co_names", ()))
        for name, value in vars(module).items() if module else ():
            source = _source(value)
            if source:
                (used if name in names else rest).append(source)
        return self.own([*frames, *used, *rest], test)

    def own(self, files: list[Path], test: Path) -> list[Path]:
        """The files that are the project's programs, each once: no tests, no site-packages."""
        found: list[Path] = []
        for file in files:
            path = file.resolve()
            is_test = path == test or path.name.startswith("test_") or path.stem.endswith("_test")
            if is_test or path.name == "conftest.py" or path in found or not path.is_file():
                continue
            inside = path.is_relative_to(self.root) and not {"site-packages", ".venv", "venv"} & set(path.parts)
            if inside and not path.is_relative_to(Path(sys.prefix).resolve()):
                found.append(path)
        return found

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self.failures:
            return
        terminalreporter.section("repairs by coe")
        jobs: dict[tuple[Path, Path], list[str]] = {}
        for name, test, files in self.failures:
            if not files:
                terminalreporter.line(f"{name}: no file of the project is involved.")
            for file in files[:1]:
                jobs.setdefault((file, test), []).append(name)
        limit = self.config.getoption("--coe-limit")
        for (file, test), names in list(jobs.items())[:limit]:
            self.show(terminalreporter, file, test, names)
        for (file, _), names in list(jobs.items())[limit:]:
            terminalreporter.line(f"{file.name}: not looked at (--coe-limit {limit}): {', '.join(names)}")

    def show(self, terminal: Any, file: Path, test: Path, names: list[str]) -> None:
        shown = _short(file, self.root)
        terminal.line(f"{shown} (for {', '.join(names)}) …")
        try:
            found = repair(
                shown, tests=_short(test, self.root), apply=self.config.getoption("--coe-apply"), cwd=self.root,
                # The interpreter that runs these tests has what they import.
                arguments=["--python", sys.executable, *self.config.getoption("--coe-arguments").split()], timeout=900,
            )
        except (ProgramMissing, subprocess.TimeoutExpired) as error:
            terminal.line(f"{shown}: {error}", red=True)
            return
        for line in self.words(found, shown):
            terminal.line(line, **_colour(line))

    def words(self, found: Repair, shown: str) -> list[str]:
        if found.already_passed:
            return [f"{shown}: coe's own run of the tests passes; the failure may depend on the order of tests."]
        if not found.repaired:
            last = found.words.splitlines()[-1:] or ["coe gave no reason"]
            return [f"{shown}: no patch found. {last[0]}"]
        written = " It is written; the old file stays as .orig." if self.config.getoption("--coe-apply") else ""
        return [f"{shown}: this patch passes every test of the file.{written}", *found.diff.rstrip("\n").split("\n")]


def _short(path: Path, root: Path) -> str:
    """The path from the root, where it lies below."""
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _source(value: Any) -> Path | None:
    """The file that defines a module, class or function."""
    try:
        file = inspect.getsourcefile(value) if inspect.ismodule(value) or callable(value) else None
    except TypeError:
        return None
    return Path(file) if file else None


def _colour(line: str) -> dict[str, bool]:
    if line.startswith("+") and not line.startswith("+++"):
        return {"green": True}
    if line.startswith("-") and not line.startswith("---"):
        return {"red": True}
    return {}
