# SPDX-License-Identifier: Apache-2.0
"""`coe repair` as a function."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import Any, Sequence

from ._program import binary, environment


@dataclass
class Repair:
    """What `coe repair` found."""

    file: str
    repaired: bool
    """Whether every test passes with the patch. The tests have run; it is no guess."""
    already_passed: bool
    diff: str
    """The patch in unified form; empty where there is none."""
    words: str
    """What the program said, for people."""
    raw: dict[str, Any]
    """The whole JSON."""


def repair(
    file: str | os.PathLike[str],
    tests: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    *,
    apply: bool = False,
    arguments: Sequence[str] = (),
    cwd: str | os.PathLike[str] | None = None,
    timeout: float | None = None,
) -> Repair:
    """Repairs a file until its tests pass.

    Args:
        file: The Python program.
        tests: Its tests: a file, or several; the doctests in `file` when not given.
        apply: Write the repaired program; the old one stays as `FILE.orig`.
        arguments: Further arguments of `coe repair`, such as `["--samples", "4"]`.
        cwd: The folder to run in.
        timeout: Seconds after which `subprocess.TimeoutExpired` is raised.
    """
    names = [tests] if isinstance(tests, (str, os.PathLike)) else list(tests)
    command = [str(binary()), "repair", os.fspath(file), "--json", *arguments]
    for name in names:
        command += ["--tests", os.fspath(name)]
    if apply:
        command.append("--apply")
    done = subprocess.run(
        command, env=environment(), cwd=cwd, timeout=timeout, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    try:
        values = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        values = {}
    repaired = done.returncode == 0 and bool(values.get("repaired"))
    return Repair(
        file=os.fspath(file), repaired=repaired, already_passed=bool(values.get("alreadyPassed")),
        diff=values.get("diff") or "", words=done.stderr.strip(), raw=values,
    )
