# SPDX-License-Identifier: Apache-2.0
"""`pytest --coe`, the hook and the function, with the real program. A script plays, so no model is needed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import chain_of_edits
from chain_of_edits.pre_commit import main, matching_tests

FAULTY = "def add(a, b):\n    return a - b\n"
FIXED = "def add(a, b):\n    return a + b\n"
TESTS = "from add import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"
FIX = "### REPW 2 >>>a - b >>>a + b\n"
PACKAGE = Path(chain_of_edits.__file__).resolve().parents[1]


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "add.py").write_text(FAULTY)
    (tmp_path / "test_add.py").write_text(TESTS)
    (tmp_path / "script").write_text(FIX)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_pytest(project, *arguments, policy="script"):
    """pytest as a user starts it, in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    if "chain_of_edits.pytest_plugin" not in sys.modules and not _installed():
        command += ["-p", "chain_of_edits.pytest_plugin"]
    player = ["--coe-arguments", f"--policy script:{project / policy} --samples 1"]
    environment = os.environ | {"PYTHONPATH": str(PACKAGE)}
    return subprocess.run(
        [*command, *arguments, *player], cwd=project, env=environment, capture_output=True, text=True
    )


def _installed():
    from importlib.metadata import entry_points

    return any(entry.value == "chain_of_edits.pytest_plugin" for entry in entry_points(group="pytest11"))


def test_a_patch_is_shown_where_a_test_fails(project):
    done = run_pytest(project, "--coe")
    assert done.returncode == 1, done.stdout
    assert "add.py: this patch passes every test of the file." in done.stdout, done.stdout
    assert "-    return a - b" in done.stdout and "+    return a + b" in done.stdout
    assert (project / "add.py").read_text() == FAULTY


def test_the_patch_is_written_when_asked_and_then_all_tests_pass(project):
    done = run_pytest(project, "--coe-apply")
    assert "It is written" in done.stdout, done.stdout
    assert (project / "add.py").read_text() == FIXED and (project / "add.py.orig").read_text() == FAULTY
    again = run_pytest(project, "--coe")
    assert again.returncode == 0 and "repairs by coe" not in again.stdout


def test_without_the_option_nothing_happens(project):
    assert "repairs by coe" not in run_pytest(project).stdout


def test_no_patch_is_said_to_be_none(project):
    (project / "script").write_text("### EXIT\n")
    done = run_pytest(project, "--coe")
    assert "no patch found" in done.stdout and "passes every test" not in done.stdout, done.stdout


def test_a_syntax_error_is_found_while_tests_are_collected(project):
    (project / "add.py").write_text("def add(a, b)\n    return a + b\n")
    (project / "script").write_text("### REPL 1 >>>def add(a, b):\n")
    done = run_pytest(project, "--coe")
    assert "+def add(a, b):" in done.stdout, done.stdout


def test_the_file_is_the_one_on_the_traceback(project):
    (project / "other.py").write_text("LIMIT = 3\n")
    (project / "add.py").write_text("def add(a, b):\n    return a + c\n")
    (project / "test_add.py").write_text("import other\n" + TESTS)
    (project / "script").write_text("### REPW 2 >>>c >>>b\n")
    done = run_pytest(project, "--coe")
    assert "add.py: this patch" in done.stdout and "other.py" not in done.stdout.split("repairs by coe")[1], done.stdout


def test_a_failure_without_a_file_of_the_project_is_said(project):
    (project / "test_add.py").write_text("def test_add():\n    assert 1 == 2\n")
    assert "no file of the project is involved" in run_pytest(project, "--coe").stdout


def test_the_hook_checks_changed_files_and_shows_the_patch(project, monkeypatch, capfd):
    monkeypatch.setattr(
        "chain_of_edits.pre_commit.repair",
        lambda file, **options: chain_of_edits.repair(file, arguments=["--policy", "script:script", "--samples", "1"], **options),
    )
    with pytest.raises(SystemExit) as ended:
        main(["add.py", "test_add.py", "no_tests.py"])
    assert ended.value.code == 1 and "+    return a + b" in capfd.readouterr().out
    (project / "add.py").write_text(FIXED)
    with pytest.raises(SystemExit) as ended:
        main(["add.py"])
    assert ended.value.code == 0


@pytest.mark.parametrize("place", ["test_m.py", "m_test.py", "tests/test_m.py", "../tests/test_m.py"])
def test_the_hook_finds_the_tests_by_their_usual_names(tmp_path, place):
    folder = tmp_path / "pkg"
    folder.mkdir()
    file = folder / place
    file.parent.mkdir(exist_ok=True)
    file.write_text("")
    found = matching_tests(folder / "m.py")
    assert found is not None and found.resolve() == file.resolve()


def test_the_function_gives_the_diff_and_says_what_was_wrong(project):
    found = chain_of_edits.repair("add.py", tests="test_add.py", arguments=["--policy", "script:script"])
    assert found.repaired and "+    return a + b" in found.diff and not found.already_passed
    missing = chain_of_edits.repair("none.py", tests="test_add.py")
    assert not missing.repaired and "none.py" in missing.words


def write_run(folder, steps, *, finished=True):
    folder.mkdir()
    (folder / "run.json").write_text('{"model": "m"}')
    lines = "".join(json.dumps({"step": step, "loss": 1 / step}) + "\n" for step in steps)
    (folder / "metrics.jsonl").write_text(lines)
    if finished:
        (folder / "adapter").mkdir()


def test_follow_gives_each_step_once_also_after_a_resume(tmp_path):
    from chain_of_edits.follow import metrics

    run = tmp_path / "run"
    write_run(run, [1, 2, 3], finished=False)
    seen = metrics(run, pause=0.01)
    assert [next(seen)[0] for _ in range(3)] == [1, 2, 3]
    # The run goes on after the checkpoint of step 2, and its last line is not whole yet.
    (run / "metrics.jsonl").write_text('{"step": 1, "loss": 1}\n{"step": 2, "loss": 1}\n')
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "loss": 9}\n{"step": 4, "loss": 0.5}\n{"step": 5')
    (run / "adapter").mkdir()
    assert list(seen) == [(4, {"loss": 0.5})]


@pytest.mark.parametrize("library", ["wandb", "trackio"])
def test_follow_sends_the_metrics_to_the_real_library(library, tmp_path):
    pytest.importorskip(library)
    write_run(tmp_path / "run", [1, 2, 3])
    environment = {
        **os.environ, "PYTHONPATH": str(PACKAGE), "WANDB_MODE": "offline", "WANDB_DIR": str(tmp_path), "TRACKIO_DIR": str(tmp_path),
        "HF_HOME": str(tmp_path), "WANDB_SILENT": "true",
    }
    command = [sys.executable, "-m", "chain_of_edits.follow", str(tmp_path / "run"), "--to", library]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    written = [f for f in tmp_path.rglob("*") if f.suffix in (".wandb", ".db") and f.stat().st_size > 0]
    assert written, list(tmp_path.rglob("*"))


def test_follow_says_what_is_wrong(tmp_path):
    command = [sys.executable, "-m", "chain_of_edits.follow", str(tmp_path), "--to", "wandb"]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and "no run.json" in done.stderr
