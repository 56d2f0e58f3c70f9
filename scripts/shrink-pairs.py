#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the passing program of each failing one as near as it can be, so that demonstrations teach no needless edits.

    scripts/shrink-pairs.py FAILING.jsonl[.gz] --passing PASSING.jsonl… --out tasks.jsonl

All files are in the repair format. Of the passing programs with the same tests (and the failing program's own `reference`)
the nearest is taken: what differs is taken back, piece by piece, while all tests still pass. What is left
becomes the `reference` of the failing program: `coe data synthesize --pairs --from tasks.jsonl` reads it. Programs run in
one bubblewrap jail without a network.
"""

import argparse
import difflib
import gzip
import json
import os
import re
import resource
import select
import signal
import subprocess
import sys
from threading import Thread


def opened(path):
    return gzip.open(path, "rt") if path.endswith(".gz") else open(path)


def pieces(text):
    return re.findall(r"\w+|\n|[^\S\n]+|[^\w\s]", text)


def passes(job, program):
    """Whether the program passes all tests, in a process of its own."""
    read, write = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
            resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(null, descriptor)
            space = {"__name__": "program"}
            exec(compile(job.get("prelude", "") + "\n" + program, "program", "exec"), space)
            exec(job.get("setup") or "", space)
            for test in job["tests"]:
                exec(test, space)
            os.write(write, b"1")
        finally:
            os._exit(0)
    os.close(write)
    ready, _, _ = select.select([read], [], [], 3)
    result = os.read(read, 1) if ready else b""
    os.close(read)
    for stop in (os.killpg, os.kill):
        try:
            stop(process, signal.SIGKILL)
        except OSError:
            pass
    os.waitpid(process, 0)
    return result == b"1"


def shrunk(job, reference, most=24):
    """The reference with as much of the failing program as passes."""
    failing, right = pieces(job["program"]), pieces(reference)
    matcher = difflib.SequenceMatcher(None, failing, right, autojunk=False)
    parts = [("".join(failing[a:b]), "".join(right[c:d])) for _, a, b, c, d in matcher.get_opcodes()]
    taken = [left != new for left, new in parts]

    def program(choice):
        return "".join(new if use else left for (left, new), use in zip(parts, choice))

    runs = 0
    changed = True
    while changed and runs < most:
        changed = False
        groups = {}
        for place, use in enumerate(taken):
            if use:
                groups.setdefault(parts[place], []).append(place)
        for places in list(groups.values()) + [[place] for group in groups.values() if len(group) > 1 for place in group]:
            if runs >= most or not any(taken[place] for place in places):
                continue
            trial = [use and place not in places for place, use in enumerate(taken)]
            runs += 1
            if any(trial) and passes(job, program(trial)):
                taken, changed = trial, True
    return program(taken)


def distance(left, right):
    row = list(range(len(right) + 1))
    for place, letter in enumerate(left, 1):
        before, row[0] = row[0], place
        for other, wanted in enumerate(right, 1):
            before, row[other] = row[other], min(row[other] + 1, row[other - 1] + 1, before + (letter != wanted))
    return row[-1]


def work(part, parts):
    for number, line in enumerate(sys.stdin):
        if number % parts != part:
            continue
        job = json.loads(line)
        within, reference = job.pop("within"), job.pop("nearest")
        if distance(job["program"], reference) > 3 * within or not passes(job, reference):
            continue
        job["reference"] = shrunk(job, reference)
        away = distance(job["program"], job["reference"])
        if 0 < away <= within:
            job["meta"] = {"lev_nearest_passing": away}
            print(json.dumps(job), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("failing")
    parser.add_argument("--passing", action="append", default=[])
    parser.add_argument("--out", required=True)
    parser.add_argument("--within", type=int, default=90, help="pairs that stay more characters apart are left out")
    options = parser.parse_args()
    known = {}
    for path in options.passing:
        for line in opened(path):
            task = json.loads(line)
            known.setdefault(tuple(task["tests"]), set()).add(task["reference"])
    lines = []
    for line in opened(options.failing):
        task = json.loads(line)
        right = set(known.get(tuple(task["tests"]), set())) | ({task["reference"]} if task.get("reference") else set())
        own = pieces(task["program"])
        if not right:
            continue
        nearest = max(sorted(right), key=lambda program: difflib.SequenceMatcher(
            None, own, pieces(program), autojunk=False).quick_ratio())
        keys = ("id", "prompt", "program", "tests", "hidden_tests", "setup", "prelude")
        lines.append(json.dumps({key: task[key] for key in keys if key in task} | {
            "nearest": nearest, "within": options.within}))
    text = "\n".join(lines) + "\n"
    count = os.cpu_count()
    jail = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--unshare-all",
            "--die-with-parent", sys.executable, os.path.abspath(__file__), "--work"]
    running = []
    for part in range(count):
        source = subprocess.Popen(jail + [str(part), str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True)
        running.append(source)
    results = [None] * count

    def talk(place):
        results[place] = running[place].communicate(text)[0]

    threads = [Thread(target=talk, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [line for result in results for line in result.splitlines()]
    with open(options.out, "w") as out:
        out.write("\n".join(sorted(made)) + "\n")
    print(f"{len(made)} pairs of {len(lines)} failing programs in {options.out}", file=sys.stderr)


if len(sys.argv) == 4 and sys.argv[1] == "--work":
    work(int(sys.argv[2]), int(sys.argv[3]))
else:
    main()
