# SPDX-License-Identifier: Apache-2.0
"""The tests take the installed wheel's program, or the newest one that was built in this checkout."""

import os
from pathlib import Path

import pytest

from chain_of_edits import ProgramMissing, binary

ROOT = Path(__file__).resolve().parents[3]
BUILDS = [".build/debug", ".build/release", ".build-static/release"]


def pytest_configure(config):
    try:
        binary()
    except ProgramMissing:
        built = [path for path in (ROOT / build / "coe" for build in BUILDS) if path.exists()]
        if not built:
            pytest.exit("coe is not built: swift build --product coe, or install a wheel", 5)
        os.environ["COE_PROGRAM"] = str(max(built, key=lambda path: path.stat().st_mtime))
