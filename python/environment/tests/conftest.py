# SPDX-License-Identifier: Apache-2.0
"""The tests take the installed wheel's program, or the newest one that was built in this checkout."""

import os
import sys
from pathlib import Path

import pytest

from chain_of_edits_environment import ServerError, binary

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "python/environment/examples"))
BUILDS = [".build/debug", ".build/release", ".build-static/release"]


def pytest_configure(config):
    try:
        binary()
    except ServerError:
        built = [path for path in (ROOT / build / "coe-environment" for build in BUILDS) if path.exists()]
        if not built:
            pytest.exit("coe-environment is not built: swift build --product coe-environment, or install a wheel", 5)
        os.environ["COE_ENVIRONMENT"] = str(max(built, key=lambda path: path.stat().st_mtime))


@pytest.fixture
def task():
    """A task of one's own that one command solves."""
    return {
        "id": "mine", "prompt": "Add.", "program": "def add(a, b):\n    return a - b\n",
        "tests": ["assert add(1, 2) == 3"],
    }


@pytest.fixture(scope="session")
def fix():
    return "### REPW 2 >>>- >>>+"


@pytest.fixture(scope="session")
def task_file(tmp_path_factory):
    """A set of two such tasks."""
    file = tmp_path_factory.mktemp("set") / "tasks.jsonl"
    line = (
        '{"id": "%s", "prompt": "Add.", "program": "def add(a, b):\\n    return a - b\\n", '
        '"tests": ["assert add(1, 2) == 3"], "reference": "def add(a, b):\\n    return a + b\\n"}\n'
    )
    file.write_text(line % "one" + line % "two")
    return str(file)
