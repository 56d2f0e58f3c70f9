# SPDX-License-Identifier: Apache-2.0
"""Sends the metrics of a run to Weights & Biases or to trackio while `coe sft`, `coe rl` trains.

    python -m chain_of_edits.follow RUN --to wandb|trackio [--project NAME]

RUN is the run's folder. What is there already is sent first; Ctrl-C ends, and so does the finished adapter. The libraries'
own settings hold (`WANDB_MODE=offline`, `WANDB_API_KEY` …). Exit codes: 0 done, 2 it could not be done, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pathlib
import sys
import time
from collections.abc import Iterator


def metrics(run: pathlib.Path, *, follow: bool = True, pause: float = 1.0) -> Iterator[tuple[int, dict[str, float]]]:
    """The steps of a run in their order, each once, with their named numbers.

    A run that goes on cuts its file after the checkpoint; the file is then read again from its beginning.
    """
    file, read, last = run / "metrics.jsonl", b"", -1
    while True:
        is_over = not follow or (run / "adapter").is_dir()
        data = file.read_bytes() if file.exists() else b""
        # A line that is being written has no end yet.
        whole = data[: data.rfind(b"\n") + 1]
        new, read = whole.removeprefix(read) if whole.startswith(read) else whole, whole
        for line in new.splitlines():
            values = json.loads(line)
            step = int(values.pop("step"))
            if step > last:
                last = step
                yield step, values
        if is_over:
            return
        time.sleep(pause)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m chain_of_edits.follow", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("run", type=pathlib.Path, help="the run's folder")
    parser.add_argument("--to", choices=["wandb", "trackio"], required=True, help="the library")
    parser.add_argument("--project", default="chain-of-edits", help="the project there (default: chain-of-edits)")
    options = parser.parse_args(arguments)
    if not (options.run / "run.json").is_file():
        print(f"{options.run} is no run's folder: it holds no run.json.", file=sys.stderr)
        return 2
    try:
        tracker = importlib.import_module(options.to)
    except ImportError:
        print(f"{options.to} is not installed: pip install {options.to}", file=sys.stderr)
        return 2
    settings = json.loads((options.run / "run.json").read_text("utf-8"))
    tracker.init(project=options.project, name=options.run.resolve().name, config=settings)
    try:
        for step, values in metrics(options.run):
            tracker.log(values, step=step)
    except KeyboardInterrupt:
        return 130
    finally:
        tracker.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
