# SPDX-License-Identifier: Apache-2.0
"""The notebook and the training script run as a user runs them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def test_the_notebook_plays_trains_and_plots(tmp_path):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("trl")
    pytest.importorskip("matplotlib")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(EXAMPLES / "play_and_train.ipynb", as_version=4)
    nbformat.validate(notebook)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(EXAMPLES), str(EXAMPLES.parent)])
    nbclient.NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
    pictures = [out for cell in notebook.cells for out in cell.get("outputs", []) if "image/png" in out.get("data", {})]
    assert len(pictures) == 1


def test_the_training_script_takes_its_steps(tmp_path):
    pytest.importorskip("trl")
    done = subprocess.run(
        [sys.executable, EXAMPLES / "train_trl.py", "--tiny", "--steps", "1", "--out", str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(EXAMPLES.parent)}, capture_output=True, text=True,
    )
    assert done.returncode == 0 and "1 steps, " in done.stdout, done.stderr[-3000:]
