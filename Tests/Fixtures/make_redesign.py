"""Writes Tests/Fixtures/redesign: what `coe` did before the redesign (issue 21). With --compare: checks a binary against it.

    python3 Tests/Fixtures/make_redesign.py COE FOLDER [PART…] --flavour old              writes the fixtures
    python3 Tests/Fixtures/make_redesign.py COE FOLDER [PART…] --flavour new --compare    compares; exit code 1: differs

The script needs Python's standard library only. COE is a binary of `coe`, FOLDER is Tests/Fixtures/redesign. The script
prints each command before it runs it. PART is one or more of these, by default all:

data     The start tasks and demonstrations, from the bundled `starter` programs alone:
             coe data synthesize --from starter --count 240 --max-faults 2 --state brief --seed 21 --out pool.jsonl
             coe data export pool.jsonl --to repair --out pool-tasks.jsonl
             coe data synthesize --from starter --count 16 --max-faults 2 --recovery 0.5 --state brief --seed 22 --out …
         tasks.jsonl: the 40 shortest tasks of different programs with one fault. prompts.jsonl: the first 160 of the
         pool's other tasks, without references and hidden tests. demonstrations.jsonl: the second file as it is.
traces   Greedy episodes of the 40 tasks, constrained, ten turns, with the bundled adapter:
             coe eval --set tasks.jsonl --method coe --model MODEL --adapter ADAPTERS/MODEL --precision PRECISION
                 --constrained --turns 10 --concurrency 8 --seed 0 --out RUN
         Which episodes share a pass depends on timing, and the sums of a pass may round differently by its size; so a
         near tie of two tokens can differ by chance. --concurrency 1 takes several times as long and has no chance in
         it. --precision, --limit and --turns choose others; the fixture traces-MODEL-PRECISION.json remembers them.
prompts  The token ids of the opening messages of 200 tasks (tasks.jsonl, then prompts.jsonl), for both models:
             coe eval --set 200.jsonl --method coe --model THIN.gguf --adapter THIN-ADAPTER --precision float32
                 --max-tokens 1 --turns 1 --concurrency 8 --out RUN
         THIN.gguf is the model's file cut to its first layer, THIN-ADAPTER the adapter likewise: the tokenizer, chat
         template and prompt style are the model's own, and a prompt costs a thirtieth. The same without an adapter for
         the first ten tasks (the prompt then has instructions and worked examples).
sft      Steps of `coe sft` from demonstrations.jsonl: one step of a fresh adapter, and two of the bundled one.
             coe sft --data demonstrations.jsonl --model smollm2-135m --precision float32 --batch 16 --seed 0 --out RUN
             coe sft … --adapter ADAPTERS/smollm2-135m --batch 8 --out RUN
rl       One step of `coe rl` from rl-PRESET.jsonl (two of the 40 tasks), with --preset paper and best, twice each; the
         metrics of both runs must be equal to the bit. Also the token ids of the episodes that the run folder keeps.
             coe rl --data rl-PRESET.jsonl --model smollm2-135m --adapter ADAPTERS/smollm2-135m --preset PRESET --steps 1
                 --max-turns 3 --max-tokens 32 --constrained --precision float32 --rollout-precision float32 --seed 0
                 --out RUN

The new flavour has other names: `--unconstrained` turns off what `--constrained` turned on, `--max-turns` is `--turns`,
`--state brief` is `--prompt brief`, `redraws` is `resamples`, and a trace holds states instead of digests. All names
that may change stand in the first functions of this file.
"""
import argparse
import hashlib
import json
import math
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODELS = {"smollm2-135m": "SmolLM2-135M-Instruct-Q4_1.gguf",
          "qwen2.5-coder-0.5b": "Qwen2.5-Coder-0.5B-Instruct-Q4_K_M.gguf"}
PARTS = ["data", "traces", "prompts", "sft", "rl"]
TASK_COUNT, PROMPT_COUNT, POOL_COUNT = 40, 200, 240
# Of the 40 tasks, for each preset. At temperature 1 SmolLM2 solves some two thirds of 27, a quarter of 11, nothing of 0: in
# the first two rewards differ within a group, in the last `best` imitates.
RL_TASKS = {"paper": [27, 11], "best": [27, 0]}
# They measure time, so they differ from run to run.
TIMES = {"step_time", "rollout_time", "tokens_per_second", "sandbox_seconds"}
RELATIVE, ABSOLUTE = 1e-6, 1e-9
# Differences of two computations of the same number: rounding errors, which a bound suits better than equality.
ROUNDING = {"sampling/logp_difference_max", "sampling/logp_difference_mean"}
ROUNDING_BOUND = 1e-4


# What the two flavours call things.

def is_new():
    return options.flavour == "new"


def form(name):
    return ["--prompt" if is_new() else "--state", name]


def constrained():
    return [] if is_new() else ["--constrained"]


def unconstrained():
    return ["--unconstrained"] if is_new() else []


def turns_of_rl(count):
    return ["--turns" if is_new() else "--max-turns", str(count)]


def no_adapter(command):
    """`eval` and `sft` of the old flavour take no adapter where none is named."""
    return ["--adapter", "none"] if is_new() and "none" in help_of(command, "--adapter") else []


def metric_name(name):
    return {"redraws": "resamples"}.get(name, name) if is_new() else name


def final_verdict(trace):
    if "solved" in trace:
        return trace["solved"]
    turns = trace["turns"]
    return ((turns[-1] if turns else {}).get("verdict") or trace.get("initialVerdict") or {}).get("solved", False)


def state_digests(trace):
    """FNV-1a of the program after each turn; an old trace holds the digests, a new one the states that changed."""
    state, digests = trace.get("initialState"), []
    for turn in trace["turns"]:
        state = turn.get("state", state)
        digests.append(turn["programDigest"] if "programDigest" in turn else fnv(state))
    return digests


# Small things.

def fnv(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2 ** 64
    return f"{value:016x}"


def digest(ids, digits=32):
    return hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()[:digits]


def read_lines(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def write_lines(path, rows):
    Path(path).write_text("".join(json.dumps(row, sort_keys=True, ensure_ascii=False) + "\n" for row in rows))


def read(name):
    """A fixture; what is computed for the comparison with it takes as many threads."""
    stored = json.loads((folder / name).read_text())
    if options.compare:
        options.threads = stored["machine"]["threads"]
    return stored


def write(name, value):
    """JSON with one line for each member of the outer lists."""
    lines = []
    for key, member in value.items():
        if isinstance(member, list) and member and isinstance(member[0], (dict, list)):
            rows = ",\n  ".join(json.dumps(row, separators=(",", ":"), ensure_ascii=False) for row in member)
            lines.append(f"{json.dumps(key)}: [\n  {rows}]")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(member, ensure_ascii=False)}")
    (folder / name).write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"wrote {name}, {(folder / name).stat().st_size} bytes", flush=True)


def environment():
    """Idle threads sleep. The number of threads decides the order of some sums, so a comparison takes the stored one."""
    return {**os.environ, "OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "3000",
            "OMP_NUM_THREADS": str(options.threads), "COE_ADAPTERS": str(options.adapters)}


def machine():
    fields = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines())
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    return {"processor": fields.get("model name"), "family": fields.get("cpu family"), "model": fields.get("model"),
            "avx512_vnni": "avx512_vnni" in fields.get("flags", "").split(), "threads": options.threads}


def coe(*arguments):
    """Runs a command and stops where it fails; its figures are read from the files that it writes."""
    arguments = [str(argument) for argument in arguments]
    print("$ coe " + " ".join(arguments), flush=True)
    start = time.time()
    ended = subprocess.run([options.coe, *arguments], env=environment(), capture_output=True, text=True)
    if ended.returncode != 0:
        sys.exit(f"coe failed with {ended.returncode}:\n{ended.stderr[-2000:]}")
    print(f"  {time.time() - start:.0f} s", flush=True)


def help_of(command, option):
    """What the help says about an option, up to the next one."""
    text = subprocess.run([options.coe, *command.split(), "--help"], env=environment(), capture_output=True, text=True)
    found = text.stdout.split(f"\n  {option} ", 1)
    return found[1].split("\n  --", 1)[0] if len(found) == 2 else ""


def adapter(model):
    return options.adapters / model


def fresh(name):
    """A path for a run folder or a file that is not there yet."""
    path = work / name
    shutil.rmtree(path, ignore_errors=True)
    return path


class Differences:
    """One line for each difference, and how many things were compared."""

    def __init__(self, part):
        self.part, self.count, self.compared = part, 0, 0

    def note(self, place, expected, found):
        self.count += 1
        print(f"DIFFERS {self.part} {place}: expected {str(expected)[:300]}, found {str(found)[:300]}", flush=True)

    def equal(self, place, expected, found):
        self.compared += 1
        if expected != found:
            self.note(place, expected, found)
        return expected == found

    def numbers(self, place, expected, found):
        """Metrics: each stored one must be there and near; new ones are no difference."""
        for name, value in expected.items():
            self.compared += 1
            other = found.get(metric_name(name))
            if other is None:
                self.note(f"{place} {name}", value, "nothing")
            elif name in ROUNDING:
                if other > ROUNDING_BOUND:
                    self.note(f"{place} {name}", f"at most {ROUNDING_BOUND}", other)
            elif not math.isclose(value, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE):
                self.note(f"{place} {name}", value, other)

    def end(self):
        print(f"{self.part}: {self.compared} compared, {self.count} differ", flush=True)
        totals.append(self.count)


# data

def synthesize():
    """The pool's tasks, which of them have one fault, and the demonstrations."""
    pool, demonstrations = fresh("pool.jsonl"), fresh("demonstrations.jsonl")
    for path in [pool, demonstrations]:
        path.unlink(missing_ok=True)
    coe("data", "synthesize", "--from", "starter", "--count", POOL_COUNT, "--max-faults", 2, *form("brief"), "--seed", 21,
        "--out", pool)
    coe("data", "synthesize", "--from", "starter", "--count", 16, "--max-faults", 2, "--recovery", 0.5, *form("brief"),
        "--seed", 22, "--out", demonstrations)
    rows = read_lines(pool)
    single = {row["task"]["id"] for row in rows if len(row.get("meta", {}).get("operators", [])) == 1}
    if is_new():
        return [row["task"] for row in rows], single, read_lines(demonstrations)
    coe("data", "export", pool, "--to", "repair", "--out", work / "pool-tasks.jsonl")
    return read_lines(work / "pool-tasks.jsonl"), single, read_lines(demonstrations)


def make_data():
    pool, single, demonstrations = synthesize()
    pool = [{key: value for key, value in task.items() if value is not None} for task in pool]

    def size(task):
        return len(task["program"]) + len(task["prompt"]) + sum(map(len, task["tests"]))

    shortest = {}
    for task in sorted((task for task in pool if task["id"] in single), key=size):
        shortest.setdefault(task["id"].split("#")[0], task)
    tasks = list(shortest.values())[:TASK_COUNT]
    chosen = {task["id"] for task in tasks}
    rest = [task for task in pool if task["id"] not in chosen][:PROMPT_COUNT - TASK_COUNT]
    for task in rest:
        task.pop("reference", None), task.pop("hidden_tests", None)
    write_lines(folder / "tasks.jsonl", tasks)
    write_lines(folder / "prompts.jsonl", rest)
    for preset, indexes in RL_TASKS.items():
        write_lines(folder / f"rl-{preset}.jsonl", [tasks[index] for index in indexes])
    write_lines(folder / "demonstrations.jsonl", demonstrations)
    print(f"{len(tasks)} tasks, {len(rest)} prompts, {len(demonstrations)} demonstrations", flush=True)


def compare_data():
    differences = Differences("data")
    pool, _, demonstrations = synthesize()
    found = {task["id"]: task for task in pool}
    for task in read_lines(folder / "tasks.jsonl") + read_lines(folder / "prompts.jsonl"):
        other = found.get(task["id"], {})
        differences.equal(task["id"], task, {key: other.get(key) for key in task})
    found = {row["id"]: row["messages"] for row in demonstrations}
    for row in read_lines(folder / "demonstrations.jsonl"):
        differences.equal(row["id"], row["messages"], found.get(row["id"]))
    differences.end()


# traces

def episode(trace):
    """What must not change about an episode."""
    turns = []
    for turn, state in zip(trace["turns"], state_digests(trace)):
        completion = turn["completion"]
        turns.append({"command": completion["text"], "ids": completion["tokenIDs"],
                      "read": len(completion["promptTokenIDs"]), "digest": digest(completion["promptTokenIDs"], 16),
                      "state": state, "drawn": completion.get("resamples", completion.get("redraws")) or 0})
    return {"task": trace["task"], "solved": final_verdict(trace), "exit": trace["exit"], "turns": turns}


def play(model, settings):
    tasks = read_lines(folder / "tasks.jsonl")[:settings["tasks"]]
    file, run = work / "played.jsonl", fresh("run")
    write_lines(file, tasks)
    coe("eval", "--set", file, "--method", "coe", "--model", model, "--adapter", adapter(model), "--precision",
        settings["precision"], *constrained(), "--turns", settings["turns"], "--concurrency", options.concurrency,
        "--seed", 0, "--out", run)
    played = {trace["task"]: episode(trace) for trace in read_lines(run / "traces.jsonl")}
    return [played[task["id"]] for task in tasks]


def make_traces():
    for model in options.models:
        settings = {"precision": options.precision, "tasks": options.limit or TASK_COUNT, "turns": options.turns}
        episodes = play(model, settings)
        solved = sum(row["solved"] for row in episodes)
        print(f"{model}: {solved} of {len(episodes)} solved", flush=True)
        write(f"traces-{model}-{options.precision}.json",
              {"settings": settings, "machine": machine(), "solved": solved, "episodes": episodes})


def compare_traces():
    for path in sorted(folder.glob("traces-*.json")):
        stored = read(path.name)
        model = path.stem.removeprefix("traces-").rsplit("-", 1)[0]
        settings = stored["settings"]
        if model not in options.models or options.precision not in [None, settings["precision"]]:
            continue
        differences = Differences(path.stem)
        settings = {**settings, "tasks": min(options.limit or settings["tasks"], settings["tasks"])}
        episodes = play(model, settings)
        for expected, found in zip(stored["episodes"], episodes):
            task = expected["task"]
            for number, (one, two) in enumerate(zip(expected["turns"], found["turns"]), 1):
                # What comes after the first difference of an episode differs because of it.
                if not all([differences.equal(f"{task} turn {number} {key}", one[key], two[key]) for key in one]):
                    break
            else:
                differences.equal(f"{task} turns", len(expected["turns"]), len(found["turns"]))
            for key in ["exit", "solved"]:
                differences.equal(f"{task} {key}", expected[key], found[key])
        print(f"{path.stem}: {sum(row['solved'] for row in episodes)} of {len(episodes)} solved, "
              f"stored {sum(row['solved'] for row in stored['episodes'][:len(episodes)])}")
        differences.end()


# prompts

def thin_model(source, target):
    """The model's GGUF file with its first layer alone."""
    data = source.read_bytes()
    place = 0

    def take(kind):
        nonlocal place
        value = struct.unpack_from("<" + kind, data, place)[0]
        place += struct.calcsize("<" + kind)
        return value

    def text():
        nonlocal place
        length = take("Q")
        place += length
        return data[place - length:place].decode()

    sizes = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}

    def skip(kind):
        nonlocal place
        if kind == 8:
            text()
        elif kind == 9:
            inner, count = take("I"), take("Q")
            if inner in sizes:
                place += sizes[inner] * count
            else:
                for _ in range(count):
                    skip(inner)
        else:
            place += sizes[kind]

    place = 8
    tensor_count, pair_count = take("Q"), take("Q")
    begin, alignment, layers = place, 32, None
    for _ in range(pair_count):
        key, kind = text(), take("I")
        if key.endswith(".block_count"):
            layers = place
        if key == "general.alignment":
            alignment = struct.unpack_from("<I", data, place)[0]
        skip(kind)
    pairs = bytearray(data[begin:place])
    pairs[layers - begin:layers - begin + 4] = struct.pack("<I", 1)

    tensors = []
    for _ in range(tensor_count):
        start = place
        name, dimensions = text(), take("I")
        place += 8 * dimensions + 4
        header = data[start:place]
        tensors.append((take("Q"), name, header))
    base = (place + alignment - 1) // alignment * alignment
    tensors.sort()
    ends = [tensor[0] for tensor in tensors[1:]] + [len(data) - base]
    kept = [(name, header, data[base + offset:base + end]) for (offset, name, header), end in zip(tensors, ends)
            if not name.startswith("blk.") or name.startswith("blk.0.")]
    table, body = b"", bytearray()
    for _, header, content in kept:
        table += header + struct.pack("<Q", len(body))
        body += content + bytes(-len(content) % alignment)
    head = data[:8] + struct.pack("<QQ", len(kept), pair_count) + bytes(pairs) + table
    target.write_bytes(head + bytes(-len(head) % alignment) + bytes(body))


def thin_adapter(source, target):
    """The adapter with the matrices of the first layer alone."""
    shutil.copytree(source, target)
    path = target / "adapter_model.safetensors"
    data = path.read_bytes()
    length = struct.unpack_from("<Q", data)[0]
    tensors, body = {}, b""
    for name, tensor in json.loads(data[8:8 + length]).items():
        if ".layers.0." in name:
            begin, end = tensor["data_offsets"]
            tensors[name] = {**tensor, "data_offsets": [len(body), len(body) + end - begin]}
            body += data[8 + length + begin:8 + length + end]
    header = json.dumps(tensors, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(struct.pack("<Q", len(header)) + header + body)


def openings(model):
    """The ids of the opening messages, with the adapter's prompt and with that of a model without one."""
    thin, thin_folder = work / f"{model}.gguf", fresh(f"{model}-adapter")
    home = Path(os.environ.get("COE_HOME", Path.home() / ".cache/coe"))
    thin_model(home / "models" / MODELS[model], thin)
    thin_adapter(adapter(model), thin_folder)
    tasks = read_lines(folder / "tasks.jsonl") + read_lines(folder / "prompts.jsonl")

    def ids(tasks, adapters):
        file, run = work / "openings.jsonl", fresh("run")
        write_lines(file, tasks)
        coe("eval", "--set", file, "--method", "coe", "--model", thin, *adapters, "--precision", "float32",
            *unconstrained(), "--max-tokens", 1, "--turns", 1, "--concurrency", 8, "--seed", 0, "--out", run)
        read = {trace["task"]: trace["turns"][0]["completion"]["promptTokenIDs"]
                for trace in read_lines(run / "traces.jsonl")}
        return [(task["id"], read[task["id"]]) for task in tasks]

    found = {"withAdapter": ids(tasks, ["--adapter", thin_folder]),
             "withoutAdapter": ids(tasks[:10], no_adapter("eval run"))}
    thin.unlink()
    return found


def make_prompts():
    value = {"machine": machine()}
    for model in options.models:
        for style, found in openings(model).items():
            value[f"{model} {style}"] = [{"task": task, "count": len(ids), "digest": digest(ids)} for task, ids in found]
            if style == "withAdapter":
                value[f"{model} in full"] = [{"task": task, "ids": ids} for task, ids in found[::TASK_COUNT]]
    # The whole model must have read what the thin one read.
    for path in folder.glob("traces-*.json"):
        model = path.stem.removeprefix("traces-").rsplit("-", 1)[0]
        opened = {row["task"]: row for row in value[f"{model} withAdapter"]}
        for row in read(path.name)["episodes"]:
            first, other = row["turns"][0], opened[row["task"]]
            if (first["read"], first["digest"]) != (other["count"], other["digest"][:16]):
                sys.exit(f"{path.name} and the thin {model} read different prompts of {row['task']}")
    write("prompts.json", value)


def compare_prompts():
    differences, stored = Differences("prompts"), read("prompts.json")
    for model in options.models:
        full = {row["task"]: row["ids"] for row in stored[f"{model} in full"]}
        for style, found in openings(model).items():
            for expected, (task, ids) in zip(stored[f"{model} {style}"], found):
                found_row = {"task": task, "count": len(ids), "digest": digest(ids)}
                if not differences.equal(f"{model} {style} {task}", expected, found_row):
                    if style == "withAdapter" and task in full:
                        place = next((i for i, (a, b) in enumerate(zip(full[task], ids)) if a != b), "the end")
                        print(f"    the first different id is at {place}")
    differences.end()


# sft and rl

def metrics(run):
    return [{key: value for key, value in row.items() if key not in TIMES} for row in read_lines(run / "metrics.jsonl")]


def sft_runs():
    common = ["--data", folder / "demonstrations.jsonl", "--model", "smollm2-135m", "--precision", "float32"]
    for name, extra in {"fresh": ["--batch", 16, *no_adapter("sft")],
                        "bundled": ["--batch", 8, "--adapter", adapter("smollm2-135m")]}.items():
        run = fresh("run")
        coe("sft", *common, *extra, "--epochs", 1, "--seed", 0, "--out", run)
        yield name, metrics(run)


def make_sft():
    write("sft.json", {"machine": machine(), **dict(sft_runs())})


def compare_sft():
    differences, stored = Differences("sft"), read("sft.json")
    for name, found in sft_runs():
        differences.equal(f"{name} steps", len(stored[name]), len(found))
        for expected, row in zip(stored[name], found):
            differences.numbers(f"{name} step {expected['step']}", expected, row)
    differences.end()


def rl_run(preset):
    run = fresh("run")
    coe("rl", "--data", folder / f"rl-{preset}.jsonl", "--model", "smollm2-135m", "--adapter", adapter("smollm2-135m"),
        "--preset", preset, "--steps", 1, *turns_of_rl(3), "--max-tokens", 32, *constrained(), "--precision", "float32",
        "--rollout-precision", "float32", "--seed", 0, "--out", run)
    episodes = [episode(trace) for trace in read_lines(run / "traces.jsonl")]
    return metrics(run), episodes


def make_rl():
    value = {"machine": machine()}
    for preset in ["paper", "best"]:
        first, episodes = rl_run(preset)
        again, repeated = rl_run(preset)
        if (first, episodes) != (again, repeated):
            for name in first[0]:
                if first[0][name] != again[0].get(name):
                    print(f"{preset} {name} does not repeat: {first[0][name]}, {again[0].get(name)}")
        value[f"{preset} repeats to the bit"] = (first, episodes) == (again, repeated)
        value[preset], value[f"{preset} episodes"] = first, episodes
    write("rl.json", value)


def compare_rl():
    differences, stored = Differences("rl"), read("rl.json")
    for preset in ["paper", "best"]:
        found, episodes = rl_run(preset)
        for number, (expected, row) in enumerate(zip(stored[f"{preset} episodes"], episodes)):
            for key in ["task", "exit", "solved"]:
                differences.equal(f"{preset} episode {number} {key}", expected[key], row[key])
            for turn, (one, two) in enumerate(zip(expected["turns"], row["turns"]), 1):
                if not differences.equal(f"{preset} episode {number} turn {turn}", one, two):
                    break
        differences.equal(f"{preset} episodes", len(stored[f"{preset} episodes"]), len(episodes))
        for expected, row in zip(stored[preset], found):
            differences.numbers(f"{preset} step {expected['step']}", expected, row)
    differences.end()


parser = argparse.ArgumentParser(
    description=__doc__.split("\n\n")[0], epilog="The head of this file says more.",
    formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("coe", help="the binary")
parser.add_argument("folder", type=Path, help="Tests/Fixtures/redesign")
parser.add_argument("parts", nargs="*", metavar="PART", help=" ".join(PARTS) + "; all where none is named")
parser.add_argument("--flavour", choices=["old", "new"], required=True, help="whose option names the binary has")
parser.add_argument("--compare", action="store_true", help="compare with the folder's fixtures instead of writing them")
parser.add_argument("--adapters", type=Path, default=Path(__file__).resolve().parents[2] / "Adapters",
                    help="the folder of the bundled adapters")
parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
parser.add_argument("--precision", choices=["float32", "bfloat16", "int8"],
                    help="of traces: float32 when writing; when comparing, all that the folder has")
parser.add_argument("--limit", type=int, help="traces of the first N tasks")
parser.add_argument("--turns", type=int, default=10, help="of traces, when writing")
parser.add_argument("--concurrency", type=int, default=8, help="of traces: episodes at the same time")
parser.add_argument("--threads", type=int, default=1,
                    help="when writing: of the model; one is the quickest way on cores that others use too")
parser.add_argument("--work", type=Path, help="a folder for what is in between; a temporary one when not given")
options = parser.parse_args()
options.coe = str(Path(options.coe).resolve())
options.adapters = options.adapters.resolve()
if set(options.parts) - set(PARTS):
    parser.error(f"a part is one of {', '.join(PARTS)}")
if not options.compare and options.precision is None:
    options.precision = "float32"
folder, totals = options.folder.resolve(), []
folder.mkdir(parents=True, exist_ok=True)
with tempfile.TemporaryDirectory() as temporary:
    work = (options.work or Path(temporary)).resolve()
    work.mkdir(parents=True, exist_ok=True)
    for part in options.parts or PARTS:
        globals()[("compare_" if options.compare else "make_") + part]()
if options.compare:
    print(f"{sum(totals)} differences" if sum(totals) else "all equal")
    sys.exit(1 if sum(totals) else 0)
