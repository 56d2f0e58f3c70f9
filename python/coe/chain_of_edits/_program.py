# SPDX-License-Identifier: Apache-2.0
"""The command `coe`: becomes the program, so signals, terminal and exit codes are its own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path


class ProgramMissing(RuntimeError):
    """There is no program `coe`, or no libtorch for it."""


def binary() -> Path:
    """The program `coe`: `$COE_PROGRAM`, the one in this package, or one on `PATH`."""
    named = os.environ.get("COE_PROGRAM")
    bundled = Path(__file__).parent / "coe"
    if named:
        return Path(named)
    if bundled.exists():
        return bundled
    found = shutil.which("coe")
    # A script of this package would start itself again.
    if found and Path(found).open("rb").read(2) != b"#!":
        return Path(found)
    raise ProgramMissing("The program coe is not here. Install a wheel for this platform, or name it in COE_PROGRAM.")


def environment() -> dict[str, str]:
    """The environment in which the program finds libtorch, also where torch lies in another folder than this package."""
    values = dict(os.environ)
    package = Path(__file__).parent
    if not (package / "coe").exists() or (package.parent / "torch" / "lib").is_dir():
        return values
    found = importlib.util.find_spec("torch")
    if found is None or not found.origin:
        raise ProgramMissing("coe needs libtorch, which the package torch holds: pip install 'torch==2.13.*'")
    library = str(Path(found.origin).parent / "lib")
    values["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, [library, values.get("LD_LIBRARY_PATH")]))
    return values


def main() -> None:
    try:
        program, values = str(binary()), environment()
    except ProgramMissing as error:
        sys.exit(f"Error: {error}")
    # `coe models fetch` takes this interpreter and its pip.
    values.setdefault("COE_PYTHON", sys.executable)
    os.execve(program, ["coe", *sys.argv[1:]], values)
