#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the starter collection, Sources/Tools/StarterTasks/starter.jsonl.

    scripts/check-starter.py                    references, counts, mutation scores
    scripts/check-starter.py --survivors        the same, with every surviving mutant
    scripts/check-starter.py --against DIR      the same, and the overlap with the data sets in DIR
    scripts/check-starter.py --show ID          one task, readably

Every reference runs with `python3 -I` in an empty temporary directory under a timeout. Exit status 1
means that a rule of the collection is broken; a mutation score below the aim is only reported, since
some mutants are equivalent to the program they came from.
"""

import argparse
import ast
import collections
import concurrent.futures
import copy
import gzip
import io
import json
import keyword
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import tokenize

COLLECTION = pathlib.Path(__file__).resolve().parent.parent / "Sources/Tools/StarterTasks/starter.jsonl"
LEAST_TASKS, LEAST_PER_TOPIC, LEAST_TESTS, SLOWEST, AIM = 150, 14, 4, 0.05, 0.8
FORBIDDEN = {"open", "input", "print", "exec", "eval", "__import__"}
FORBIDDEN_MODULES = {"os", "sys", "random", "time", "subprocess", "socket", "pathlib", "io", "threading"}

# Runs a program and each of its tests. A mutant may loop, hence the alarm; it may also swallow the
# alarm's exception, hence a BaseException and the timeout around the whole process.
DRIVER = r"""
import json, signal, sys, time
job = json.load(sys.stdin)
class Late(BaseException): pass
def late(*_): raise Late()
signal.signal(signal.SIGALRM, late)
sys.setrecursionlimit(600)
answers = []
for program in job["programs"]:
    failures, start = [], time.perf_counter()
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        names = {"__name__": "program"}
        exec(compile(program, "program", "exec"), names)
        for test in job["tests"]:
            try:
                exec(compile(test, "test", "exec"), names)
            except Exception as error:
                failures.append("%s: %s" % (type(error).__name__, test))
                if job["stop"]: break
    except (Exception, Late) as error:
        failures.append("%s: the program" % type(error).__name__)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    answers.append([failures, time.perf_counter() - start])
json.dump(answers, sys.stdout)
"""


def run(programs, tests, stop):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-I", "-c", DRIVER],
            input=json.dumps({"programs": programs, "tests": tests, "stop": stop}),
            capture_output=True, text=True, cwd=folder, timeout=120,
            env={"PYTHONHASHSEED": os.environ.get("PYTHONHASHSEED", "random")})
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


COMPARE = {ast.Lt: [ast.LtE, ast.Gt], ast.LtE: [ast.Lt, ast.GtE], ast.Gt: [ast.GtE, ast.Lt],
           ast.GtE: [ast.Gt, ast.LtE], ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq], ast.In: [ast.NotIn],
           ast.NotIn: [ast.In], ast.Is: [ast.IsNot], ast.IsNot: [ast.Is]}
ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult,
              ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd}
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "upper": "lower", "lower": "upper"}


def changes(node):
    """The small changes of one syntax node, each as (description, function that changes a copy)."""
    def setter(field, value, index=None):
        def change(target):
            if index is None:
                setattr(target, field, value)
            else:
                getattr(target, field)[index] = value
        return change

    if isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            for other in COMPARE[type(operator)]:
                yield f"{type(operator).__name__} -> {other.__name__}", setter("ops", other(), index)
    elif isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in ARITHMETIC:
        other = ARITHMETIC[type(node.op)]
        yield f"{type(node.op).__name__} -> {other.__name__}", setter("op", other())
    elif isinstance(node, ast.BoolOp):
        yield "and <-> or", setter("op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not removed", setter("operand", ast.UnaryOp(ast.Not(), node.operand))
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield f"{node.value} -> {not node.value}", setter("value", not node.value)
        elif isinstance(node.value, (int, float)):
            yield f"{node.value} -> {node.value + 1}", setter("value", node.value + 1)
            if node.value:
                yield f"{node.value} -> {node.value - 1}", setter("value", node.value - 1)
        elif isinstance(node.value, str):
            yield f"{node.value!r} -> {node.value + '_'!r}", setter("value", node.value + "_")
    elif isinstance(node, ast.Return) and node.value is not None:
        yield "return None", setter("value", ast.Constant(None))
    elif isinstance(node, ast.Name) and node.id in CALLS:
        yield f"{node.id} -> {CALLS[node.id]}", setter("id", CALLS[node.id])
    elif isinstance(node, ast.Attribute) and node.attr in CALLS:
        yield f"{node.attr} -> {CALLS[node.attr]}", setter("attr", CALLS[node.attr])
    elif isinstance(node, ast.IfExp):
        def swap(target):
            target.body, target.orelse = target.orelse, target.body
        yield "branches swapped", swap
    for field in ("body", "orelse"):
        block = getattr(node, field, None)
        if isinstance(block, list):
            for index, statement in enumerate(block):
                if isinstance(statement, (ast.Assign, ast.AugAssign, ast.Expr, ast.Break, ast.Continue)):
                    yield f"removed: {ast.unparse(statement)}", setter(field, ast.Pass(), index)


def ignored(tree):
    """Nodes whose change means nothing: texts of exceptions and of docstrings, parts of f-strings."""
    skip = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Raise, ast.JoinedStr, ast.FormattedValue)):
            skip.update(id(child) for child in ast.walk(node))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skip.add(id(node.value))
    return skip


def mutants(program):
    tree = ast.parse(program)
    skip = ignored(tree)
    found = {}
    for position, node in enumerate(ast.walk(tree)):
        if id(node) in skip:
            continue
        for number, (what, _) in enumerate(changes(node)):
            mutant = copy.deepcopy(tree)
            target = next(n for i, n in enumerate(ast.walk(mutant)) if i == position)
            list(changes(target))[number][1](target)
            try:
                text = ast.unparse(ast.fix_missing_locations(mutant))
                compile(text, "mutant", "exec")
            except (SyntaxError, ValueError):
                continue
            found.setdefault(text, f"line {getattr(node, 'lineno', '?')}: {what}")
    found.pop(ast.unparse(tree), None)
    return found


def problems(task):
    """The broken rules of one task, apart from those that need it to run."""
    name = task["id"].split("/")[-1]
    tree = ast.parse(task["reference"], feature_version=(3, 8))
    defined = [n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    if task["id"] != f"starter/{task['meta']['topic']}/{name}":
        yield "the id is not starter/TOPIC/NAME"
    if not any(re.search(rf"\b{d}\b", task["prompt"]) for d in defined):
        yield "the description does not name what the program defines"
    if task["prompt"] != " ".join(task["prompt"].split(" ")).strip() or len(task["prompt"]) < 60:
        yield "the description is too short or has blanks at its ends"
    for field in ("tests", "hidden_tests"):
        if len(set(task[field])) < LEAST_TESTS:
            yield f"{field} has fewer than {LEAST_TESTS} different tests"
        for test in task[field]:
            ast.parse(test, feature_version=(3, 8))
    if set(task["tests"]) & set(task["hidden_tests"]):
        yield "a test is both visible and hidden"
    if "\t" in task["reference"] or not task["reference"].endswith("\n") or "\r" in task["reference"]:
        yield "the layout is not 4 blanks and newlines"
    lines = len([line for line in task["reference"].splitlines() if line.strip()])
    if not 4 <= lines <= 36:
        yield f"the program has {lines} lines"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN:
            yield f"the program calls {node.func.id}"
        modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module] if isinstance(node, ast.ImportFrom) else []
        if FORBIDDEN_MODULES & set(modules):
            yield f"the program imports {modules}"


def examine(task):
    tests = task["tests"] + task["hidden_tests"]
    wrong = list(problems(task))
    (failures, seconds), (again, _) = run([task["reference"]] * 2, tests, stop=False)
    wrong += failures + again
    if seconds > SLOWEST:  # once more: the machine may have been busy
        seconds = min(answer[1] for answer in run([task["reference"]] * 3, tests, stop=False))
    if seconds > SLOWEST:
        wrong.append(f"takes {seconds:.3f} s")
    made = mutants(task["reference"])
    answers = run(list(made), tests, stop=True)
    visible = run(list(made), task["tests"], stop=True)
    alive = [what for what, (failed, _) in zip(made.values(), answers) if not failed]
    return wrong, seconds, len(made), alive, sum(1 for failed, _ in visible if failed)


# Overlap with data sets

def normalised(program):
    """The program's tokens without comments and layout, every name and literal replaced by its order."""
    names, out = {}, []
    try:
        for token in tokenize.generate_tokens(io.StringIO(program.replace("\r\n", "\n")).readline):
            if token.type in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER):
                continue
            if token.type in (tokenize.INDENT, tokenize.DEDENT):
                out.append(tokenize.tok_name[token.type])
            elif token.type == tokenize.NAME and not keyword.iskeyword(token.string):
                out.append(names.setdefault(token.string, f"v{len(names)}"))
            else:
                out.append(token.string)
    except (tokenize.TokenError, SyntaxError, IndentationError):
        return program
    return " ".join(out)


def words(text):
    return re.findall(r"[a-z0-9]+", text.lower())


def grams(text, n=8):
    tokens = words(text)
    return {tuple(tokens[i:i + n]) for i in range(len(tokens) - n + 1)}


def other_tasks(folder):
    for path in sorted(pathlib.Path(folder).rglob("*.jsonl*")):
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                text = row.get("text") or row.get("prompt")
                code = [row[k] for k in ("code", "reference", "program", "canonical_solution") if isinstance(row.get(k), str)]
                if isinstance(text, str) and code:
                    yield path.name, str(row.get("id", row.get("task_id"))), text, code


def overlap(tasks, folder, nearest):
    programs, functions, pieces, texts = {}, {}, collections.defaultdict(set), {}
    for file, name, text, code in other_tasks(folder):
        where = f"{file} {name}"
        texts.setdefault(text, where)
        for gram in grams(text):
            pieces[gram].add(where)
        for program in code:
            programs.setdefault(normalised(program), where)
            for function in re.findall(r"^(?:def|class) +(\w+)", program, re.M):
                functions.setdefault(function.lower().replace("_", ""), where)
    print(f"\noverlap with {folder}: {len(texts)} descriptions, {len(programs)} programs, {len(functions)} names")
    hits = 0
    for task in tasks:
        found = []
        if normalised(task["reference"]) in programs:
            found.append("equal program " + programs[normalised(task["reference"])])
        for function in re.findall(r"^(?:def|class) +(\w+)", task["reference"], re.M):
            if function.lower().replace("_", "") in functions:
                found.append(f"equal name {function}: " + functions[function.lower().replace("_", "")])
        for gram in grams(task["prompt"]):
            if gram in pieces:
                found.append(f"8-gram {' '.join(gram)!r}: " + sorted(pieces[gram])[0])
        hits += bool(found)
        for line in found:
            print(f"  {task['id']}: {line}")
    print(f"  {hits} of {len(tasks)} tasks have an equal program, an equal name or a common 8-gram")

    # Nearest descriptions by TF-IDF, for reading.
    bags = {text: collections.Counter(words(text)) for text in texts}
    counts = collections.Counter(word for bag in bags.values() for word in bag)

    def vector(bag):
        weights = {w: (1 + math.log(c)) * math.log((1 + len(bags)) / (1 + counts[w])) for w, c in bag.items()}
        length = math.sqrt(sum(v * v for v in weights.values())) or 1
        return {w: v / length for w, v in weights.items()}

    vectors = [(text, vector(bag)) for text, bag in bags.items()]
    pairs = []
    for task in tasks:
        own = vector(collections.Counter(words(task["prompt"])))
        score, text = max((sum(v * other.get(w, 0) for w, v in own.items()), text) for text, other in vectors)
        pairs.append((score, task, text))
    pairs.sort(key=lambda pair: -pair[0])
    for score, task, text in pairs[:nearest]:
        print(f"  {score:.2f} {task['id']}\n       {task['prompt'][:150]}\n       {texts[text]}: {' '.join(text.split())[:150]}")
    return hits


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--survivors", action="store_true", help="print the mutants that no test kills")
    parser.add_argument("--against", metavar="DIR", help="report the overlap with the data sets (.jsonl, .jsonl.gz) in DIR")
    parser.add_argument("--nearest", type=int, default=0, metavar="N", help="with --against: print the N nearest descriptions")
    parser.add_argument("--show", metavar="ID", help="print one task and stop")
    options = parser.parse_args()

    tasks = [json.loads(line) for line in COLLECTION.read_text(encoding="utf-8").splitlines()]
    if options.show:
        for task in tasks:
            if task["id"] == options.show:
                print(task["prompt"], task["reference"], *task["tests"], "", *task["hidden_tests"], sep="\n")
                return 0
        print(f"no task has the id {options.show}")
        return 1

    bad = 0
    for field in ("id", "prompt", "reference"):
        for value, count in collections.Counter(task[field] for task in tasks).items():
            if count > 1:
                bad += 1
                print(f"{field} stands {count} times: {value[:80]}")
    topics = collections.Counter(task["meta"]["topic"] for task in tasks)
    if len(tasks) < LEAST_TASKS or min(topics.values()) < LEAST_PER_TOPIC:
        bad += 1
        print(f"too few tasks: {len(tasks)}, {dict(topics)}")

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(examine, tasks))
    score, weak, slowest = collections.defaultdict(lambda: [0, 0, 0]), [], 0.0
    for task, (wrong, seconds, made, alive, seen) in zip(tasks, results):
        slowest = max(slowest, seconds)
        for line in wrong:
            bad += 1
            print(f"{task['id']}: {line}")
        for row in (score[task["meta"]["topic"]], score["all"]):
            row[0] += made
            row[1] += made - len(alive)
            row[2] += seen
        if made and 1 - len(alive) / made < AIM:
            weak.append(task["id"])
        if options.survivors or task["id"] in weak:
            print(f"{task['id']}: {len(alive)} of {made} mutants survive")
            for what in alive:
                print(f"    {what}")
    print(f"\n{'topic':<12}{'tasks':>6}{'mutants':>9}{'killed':>8}{'by visible':>12}")
    for topic, (made, killed, seen) in score.items():
        if topic != "all":
            print(f"{topic:<12}{topics[topic]:>6}{made:>9}{killed / made:>8.1%}{seen / made:>12.1%}")
    made, killed, seen = score["all"]
    print(f"{'all':<12}{len(tasks):>6}{made:>9}{killed / made:>8.1%}{seen / made:>12.1%}")
    print(f"slowest task {slowest * 1000:.1f} ms; {len(weak)} tasks below {AIM:.0%}; {bad} rules broken")
    if options.against:
        bad += overlap(tasks, options.against, options.nearest)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
