#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tasks for `coe data synthesize --from` of the functions of Python sources that have tests.

    scripts/harvest-tasks.py FOLDER… --out tasks.jsonl

A function gives a task when its doctest, or a test file of the folder (asserts, pytest or unittest), calls it with
values that stand in the test, and it needs nothing but its own module and the standard library. The program is the
function with what it uses of its module, without docstrings and comments; the docstring's first paragraph is the task's
text. Nothing is run here: `coe data synthesize` runs every program in the jail and leaves out what fails.
"""

import argparse
import ast
import doctest
import hashlib
import json
import re
import sys
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("folders", nargs="+", type=Path)
parser.add_argument("--out", required=True, type=Path)
parser.add_argument("--max-lines", type=int, default=30, help="longer programs are left out")
parser.add_argument("--max-tests", type=int, default=4, help="tests kept of a function")
parser.add_argument("--max-characters", type=int, default=120, help="longer tests are left out")
options = parser.parse_args()

DEFINITIONS = (ast.FunctionDef, ast.ClassDef)
# Their results differ from run to run, or they reach out of the program.
UNWANTED = {
    "random", "time", "datetime", "os", "sys", "subprocess", "threading", "multiprocessing", "socket", "urllib",
    "http", "asyncio", "secrets", "uuid", "tkinter", "turtle", "pathlib", "shutil", "tempfile", "doctest", "timeit",
}


def names_of(statement):
    """The names that a statement at the top of a module binds."""
    if isinstance(statement, DEFINITIONS):
        return [statement.name]
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return [(alias.asname or alias.name).split(".")[0] for alias in statement.names]
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
    return []


def is_of_the_library(statement):
    if isinstance(statement, ast.Import):
        modules = [alias.name for alias in statement.names]
    elif statement.level == 0:
        modules = [statement.module]
    else:
        return False
    roots = {module.split(".")[0] for module in modules}
    return roots <= sys.stdlib_module_names and not roots & UNWANTED


class Module:
    """A source file: its statements by the names that they bind."""

    def __init__(self, path):
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.lines = self.text.splitlines()
        self.statements = ast.parse(self.text).body
        self.binding = {name: statement for statement in self.statements for name in names_of(statement)}
        self.functions = {
            name: statement for name, statement in self.binding.items()
            if isinstance(statement, ast.FunctionDef) and statement.name == name}

    def program(self, name):
        """The definition of `name` with all that it needs, or None."""
        needed, open_names = [], [name]
        while open_names:
            statement = self.binding.get(open_names.pop())
            if statement is None or statement in needed:
                continue
            if isinstance(statement, (ast.Import, ast.ImportFrom)) and not is_of_the_library(statement):
                return None
            needed.append(statement)
            open_names += [node.id for node in ast.walk(statement) if isinstance(node, ast.Name)]
        needed.sort(key=lambda statement: statement.lineno)
        return "\n".join(line for statement in needed for line in self.source(statement))

    def source(self, statement):
        """Its lines, without docstrings, comments and empty ones."""
        dropped = set()
        for node in ast.walk(statement):
            if not isinstance(node, DEFINITIONS) or ast.get_docstring(node, clean=False) is None:
                continue
            if len(node.body) == 1:
                continue
            dropped |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
        first = min([statement.lineno] + [d.lineno for d in getattr(statement, "decorator_list", [])])
        lines = [(n, self.lines[n - 1]) for n in range(first, statement.end_lineno + 1) if n not in dropped]
        return [line.rstrip() for _, line in lines if line.strip() and not line.strip().startswith("#")]


def free_names(expression):
    bound = {node.id for node in ast.walk(expression) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in ast.walk(expression) if isinstance(node, ast.arg)}
    return {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)} - bound - set(dir(__builtins__))


def equality(found, wanted):
    comparison = ast.Compare(found, [ast.Eq()], [wanted])
    if isinstance(wanted, ast.Constant) and (wanted.value is None or isinstance(wanted.value, bool)):
        comparison = ast.Compare(found, [ast.Is()], [wanted])
    return ast.unparse(ast.fix_missing_locations(ast.Expression(comparison)))


def doctests_of(function):
    """Conditions of the docstring's examples that need nothing but the function."""
    try:
        examples = doctest.DocTestParser().get_examples(ast.get_docstring(function) or "")
    except ValueError:
        return
    for example in examples:
        try:
            found = ast.parse(example.source.strip(), mode="eval").body
            wanted = ast.parse(example.want.strip(), mode="eval").body
            ast.literal_eval(wanted)
        except (SyntaxError, ValueError):
            continue
        if free_names(found) == {function.name}:
            yield equality(found, wanted)


class Inlined(ast.NodeTransformer):
    def __init__(self, values):
        self.values = values

    def visit_Name(self, node):
        return self.values.get(node.id, node) if isinstance(node.ctx, ast.Load) else node


def assertions_of(body):
    """(Names called, condition) of the asserts in a test's body, with the values of its variables put in."""
    values = {}
    for statement in body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
            values[statement.targets[0].id] = Inlined(values).visit(statement.value)
            continue
        if isinstance(statement, ast.Assert):
            condition = statement.test
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and isinstance(
                statement.value.func, ast.Attribute) and statement.value.args:
            arguments, name = statement.value.args, statement.value.func.attr
            if name in ("assertEqual", "assertEquals", "assertListEqual", "assertDictEqual", "assertTupleEqual", "assertSetEqual"):
                pair = [Inlined(values).visit(argument) for argument in arguments[:2]]
                if len(pair) < 2:
                    continue
                pair.sort(key=lambda side: not any(isinstance(node, ast.Call) for node in ast.walk(side)))
                condition = ast.parse(equality(*pair), mode="eval").body
            elif name in ("assertTrue", "assertFalse", "assertIs", "assertIsNone"):
                wanted = {"assertTrue": True, "assertFalse": False, "assertIsNone": None}.get(name)
                side = ast.Constant(wanted) if name != "assertIs" else arguments[1]
                condition = ast.parse(equality(arguments[0], side), mode="eval").body
            else:
                continue
        elif isinstance(statement, ast.Expr):
            continue
        else:
            values = {}  # What follows may depend on it.
            continue
        condition = Inlined(values).visit(condition)
        yield free_names(condition), ast.unparse(condition)


def prompt_of(function):
    first = re.split(r">>>|\n\n|:param|:return|Args:|Example", ast.get_docstring(function) or "")[0]
    text = " ".join(first.split())
    return text[:300] if text else f"Write a function {function.name}."


seen, tasks = set(), []
for folder in options.folders:
    modules, tests = [], []
    for path in sorted(folder.rglob("*.py")):
        try:
            module = Module(path)
        except (SyntaxError, ValueError, RecursionError):
            continue
        is_test = path.stem.startswith("test") or path.stem.endswith("test")
        (tests if is_test else modules).append(module)
    found = {}  # (module, name) -> conditions
    for module in modules:
        for name, function in module.functions.items():
            found[module, name] = list(doctests_of(function))
    for test in tests:
        bodies = [n.body for n in ast.walk(ast.Module(test.statements, [])) if isinstance(n, (ast.Module, ast.FunctionDef))]
        for names, condition in (pair for body in bodies for pair in assertions_of(body)):
            if len(names) != 1:
                continue
            name = next(iter(names))
            near = [module for module in modules if (module, name) in found]
            # Of several functions of that name, the one whose file is nearest.
            near.sort(key=lambda module: -len([1 for a, b in zip(module.path.parts, test.path.parts) if a == b]))
            if near and (len(near) == 1 or test.path.parent in near[0].path.parents):
                found[near[0], name].append(condition)
    for (module, name), conditions in found.items():
        conditions = [c for c in dict.fromkeys(conditions) if len(c) <= options.max_characters and "\n" not in c]
        program = module.program(name) if conditions else None
        if not program or program in seen or not 2 <= program.count("\n") + 1 <= options.max_lines:
            continue
        seen.add(program)
        step = max(1, len(conditions) // options.max_tests)
        tasks.append({
            "id": f"{folder.name}/{name}-{hashlib.sha256(program.encode()).hexdigest()[:8]}",
            "prompt": prompt_of(module.functions[name]),
            "program": program,
            "reference": program,
            "tests": ["assert " + c for c in conditions[::step][:options.max_tests]],
            "meta": {"source": str(module.path.relative_to(folder))},
        })

options.out.write_text("".join(json.dumps(task) + "\n" for task in tasks), encoding="utf-8")
print(f"{len(tasks)} tasks in {options.out}", file=sys.stderr)
