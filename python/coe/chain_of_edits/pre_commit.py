# SPDX-License-Identifier: Apache-2.0
"""The hook `coe` of pre-commit: runs the tests of each changed file, and shows a patch where they fail.

The tests of `pkg/median.py` are `test_median.py` or `median_test.py` beside it, or in a folder `tests` beside it or
above it. Files without tests are left alone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ._program import ProgramMissing
from ._repair import repair


def matching_tests(file: Path) -> Path | None:
    """The test file of a program, by the names that people use."""
    names = [f"test_{file.stem}.py", f"{file.stem}_test.py"]
    folders = [file.parent]
    for above in [file.parent, *file.parent.parents]:
        folders += [above / "tests", above / "test"]
    for folder in folders:
        for name in names:
            if (folder / name).is_file():
                return folder / name
    return None


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="coe-pre-commit", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--apply", action="store_true", help="write the patch; the old file stays as .orig")
    chosen = parser.parse_args(arguments)
    failed = False
    for file in chosen.files:
        tests = matching_tests(file)
        is_test = file.name.startswith("test_") or file.stem.endswith("_test") or file.name == "conftest.py"
        if tests is None or is_test:
            continue
        try:
            found = repair(file, tests=tests, apply=chosen.apply)
        except ProgramMissing as error:
            sys.exit(f"Error: {error}")
        if found.already_passed:
            continue
        failed = True
        if found.repaired:
            print(f"{file}: {tests} fails; this patch passes it:\n{found.diff}")
        else:
            print(f"{file}: {tests} fails, and no patch was found.\n{found.words}")
    sys.exit(1 if failed else 0)
