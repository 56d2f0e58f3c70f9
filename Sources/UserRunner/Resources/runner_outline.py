"""What a repair wants to know about FILE and its tests, from their syntax alone: nothing of the project runs here."""
import ast, copy, os, re
import coe_runner_report as words

TRIVIAL = (0, 1, -1, 2, 0.0, 1.0, "", None, True, False, (), b"")


def outline(server, message, data):
    """functions of FILE (name, first, last, calls, doc), imports (line ranges), the tests' statements, the tested names."""
    source = decode(data)
    answer = {"functions": [], "imports": [], "tests": [], "called": []}
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = rough_tree(source)
    answer["functions"] = functions(tree)
    answer["imports"] = [[n.lineno, n.end_lineno] for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
    doc = ast.get_docstring(tree)
    answer["doc"] = doc.split("\n\n")[0] if doc else None
    own = {f["name"].split(".")[-1] for f in answer["functions"]}
    files = {}
    for test in message.get("shown") or []:
        statements, called = statements_of(server, test, files, own)
        answer["tests"].append({"id": test["id"], "statements": statements})
        answer["called"].append(called)
    return answer


def decode(data):
    """The text as Python reads it."""
    import io, tokenize
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
        return data.decode(encoding, "replace")
    except (SyntaxError, LookupError):
        return data.decode("utf-8", "replace")


def rough_tree(source):
    """The functions of a program that does not parse, from its indentation."""
    lines, body = source.splitlines(), []
    for number, line in enumerate(lines):
        match = re.match(r"(\s*)(?:async\s+)?(def|class)\s+(\w+)", line)
        if not match:
            continue
        last = number
        for other in range(number + 1, len(lines)):
            if lines[other].strip() and len(lines[other]) - len(lines[other].lstrip()) <= len(match[1]):
                break
            if lines[other].strip():
                last = other
        node = ast.parse("%s %s%s: pass" % (match[2], match[3], "()" if match[2] == "def" else "")).body[0]
        node.lineno, node.end_lineno = number + 1, last + 1
        body.append(node)
    return ast.Module(body, [])


def functions(tree):
    found = []

    def visit(node, prefix):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                name = prefix + child.name
                first = min([child.lineno] + [d.lineno for d in child.decorator_list])
                is_class = isinstance(child, ast.ClassDef)
                doc = ast.get_docstring(child) if child.body and hasattr(child.body[0], "lineno") else None
                found.append({"name": name, "kind": "class" if is_class else "function", "first": first, "last": child.end_lineno,
                              "calls": sorted(names_in(child)), "doc": doc.split("\n\n")[0].replace("\n", " ") if doc else None})
                if is_class:
                    visit(child, name + ".")
            elif not isinstance(child, ast.expr):
                visit(child, prefix)
    visit(tree, "")
    return found


def names_in(node):
    out = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            out.add(inner.id)
        elif isinstance(inner, ast.Attribute):
            out.add(inner.attr)
    return out


# ---- tests as plain statements


def parsed(server, path, files):
    if path not in files:
        files[path] = server.sources.parse(path)
    return files[path]


def test_files(server):
    return [p for p in sorted(server.sources.tests) if p.endswith(".py")] + sorted(server.conftests)


def statements_of(server, test, files, own):
    """The statements of a test, its fixtures and parameters written out: [[line, text, is_assert]], and the names it uses."""
    base = re.split(r"[\[ ]", test["id"], maxsplit=1)[0]
    parts = [p for p in re.split(r"::|\.py::|\.", base) if p]
    for path in test_files(server):
        tree = parsed(server, path, files)
        if tree is None:
            continue
        found = find(tree, parts)
        if found is None:
            continue
        body = [copy.deepcopy(s) for s in found.body if not is_docstring(s)]
        values = {}
        for name, text in (test.get("parameters") or {}).items():
            try:
                values[name] = ast.parse(text, mode="eval").body
            except SyntaxError:
                pass
        out = [[0, text, False] for text in constants(tree, found) + set_up(tree, parts)]
        for argument in found.args.args:
            if argument.arg not in values and argument.arg not in ("self", "cls"):
                out += [[0, text, False] for text in fixture(server, argument.arg, path, files)]
        called = set()
        for statement in body:
            called |= names_in(statement) & own
            line = statement.lineno
            statement = Plain().visit(Substitute(values).visit(statement))
            holds = any(isinstance(n, ast.Assert) or isinstance(n, ast.Expr) and isinstance(n.value, ast.Call)
                        and words.called_name(n.value).startswith("assert") or isinstance(n, (ast.With, ast.AsyncWith))
                        and words.wanted_exception(n) for n in ast.walk(statement))
            text = words.unparse(ast.fix_missing_locations(statement)) or ""
            lines = text.split("\n")
            if len(lines) == 2 and isinstance(statement, (ast.With, ast.AsyncWith)):
                text = lines[0] + " " + lines[1].strip()
            last = getattr(statement, "end_lineno", line) or line
            out.append([line, text, holds, last])
        return [row if len(row) == 4 else row + [row[0]] for row in out], sorted(called)
    if test["id"].startswith("line ") or ": line " in test["id"]:
        match = re.search(r"line (\d+): (.*)$", test["id"], re.S)
        for path in test_files(server):
            node, _ = server.sources.statement(path, int(match[1]))
            if node is not None:
                names = sorted(names_in(node) & own)
                text = words.unparse(ast.fix_missing_locations(plain(copy.deepcopy(node)))) or match[2]
                before = [[0, t, False, 0] for t in constants(parsed(server, path, files), node)]
                return before + [[int(match[1]), text, True, node.end_lineno]], names
    return [], []


def constants(tree, node):
    """Top-level assignments of short literals that the node uses."""
    used, out = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}, []
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
            text = ast.unparse(statement)
            if statement.targets[0].id in used and len(text) <= 200:
                out.append(text)
    return out[:5]


def set_up(tree, parts):
    """The statements of a short setUp of the test's class."""
    method = find(tree, parts[-2:-1] + ["setUp"]) if len(parts) > 1 else None
    body = [s for s in method.body if not is_docstring(s)] if method is not None else []
    return [ast.unparse(s) for s in body] if len(body) <= 5 else []


class Plain(ast.NodeTransformer):
    """Applies `plain` to every statement inside."""

    def visit_Expr(self, node):
        return plain(node)

    def visit_Assert(self, node):
        return plain(node)


def is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def find(tree, parts):
    """The function whose qualified name ends the test's id."""
    for count in (2, 1):
        wanted = parts[-count:]
        for node in tree.body:
            if count == 1 and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and [node.name] == wanted:
                return node
            if count == 2 and isinstance(node, ast.ClassDef) and node.name == wanted[0]:
                for inner in node.body:
                    if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)) and inner.name == wanted[1]:
                        return inner
    return None


def fixture(server, name, path, files):
    """`name = value` for a fixture that only makes a value."""
    for place in [path] + sorted(server.conftests):
        tree = parsed(server, place, files)
        node = tree and find(tree, [name])
        if not node or not any("fixture" in ast.unparse(d) for d in node.decorator_list):
            continue
        body = [s for s in node.body if not is_docstring(s)]
        out = []
        for statement in body:
            value = statement.value if isinstance(statement, (ast.Return, ast.Expr)) else None
            if isinstance(value, (ast.Yield, ast.YieldFrom)):
                value = value.value
            elif not isinstance(statement, ast.Return):
                if len(body) > 4 or isinstance(statement, (ast.With, ast.Try, ast.For, ast.While)):
                    return []
                out.append(ast.unparse(statement))
                continue
            if value is None:
                return []
            text = "%s = %s" % (name, ast.unparse(value))
            return out + ([text] if text != "%s = %s" % (name, name) else [])
    return []


class Substitute(ast.NodeTransformer):
    def __init__(self, values):
        self.values = values

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load) and node.id in self.values:
            return copy.deepcopy(self.values[node.id])
        return node


METHODS = {"assertEqual": ast.Eq, "assertEquals": ast.Eq, "assertListEqual": ast.Eq, "assertDictEqual": ast.Eq,
           "assertTupleEqual": ast.Eq, "assertSetEqual": ast.Eq, "assertMultiLineEqual": ast.Eq, "assertSequenceEqual": ast.Eq,
           "assertCountEqual": None, "assertNotEqual": ast.NotEq, "assertIn": ast.In, "assertNotIn": ast.NotIn, "assertIs": ast.Is,
           "assertIsNot": ast.IsNot, "assertGreater": ast.Gt, "assertGreaterEqual": ast.GtE, "assertLess": ast.Lt,
           "assertLessEqual": ast.LtE}


def plain(node):
    """The statement with the tested call first, and unittest's methods as asserts."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        name, args = node.value.func.attr, node.value.args
        kind = METHODS.get(name)
        if not isinstance(node.value.func.value, ast.Name) or node.value.func.value.id != "self":
            return node  # a mock's own method
        if kind and len(args) >= 2:
            node = ast.copy_location(ast.Assert(ast.Compare(args[0], [kind()], [args[1]]), None), node)
        elif name in ("assertTrue", "assert_") and args:
            node = ast.copy_location(ast.Assert(args[0], None), node)
        elif name == "assertFalse" and args:
            node = ast.copy_location(ast.Assert(ast.UnaryOp(ast.Not(), args[0]), None), node)
        elif name in ("assertIsNone", "assertIsNotNone") and args:
            sign = ast.Is() if name == "assertIsNone" else ast.IsNot()
            node = ast.copy_location(ast.Assert(ast.Compare(args[0], [sign], [ast.Constant(None)]), None), node)
    if isinstance(node, ast.Assert):
        node.msg = None
        test = node.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], (ast.Eq, ast.NotEq)):
            if words.swapped(test.left, test.comparators[0]):
                test.left, test.comparators = test.comparators[0], [test.left]
    return node


# ---- what a repair changed


def compare(server, message, before, after):
    """Warnings about a repair, in words: {text, strong}. A strong one says that the repair only repeats the tests."""
    out = []
    try:
        old, new = ast.parse(decode(before)), ast.parse(decode(after))
    except (SyntaxError, ValueError, RecursionError):
        try:
            old, new = rough_tree(decode(before)), ast.parse(decode(after))
        except (SyntaxError, ValueError, RecursionError):
            return out
    wanted = set()
    for path in list(server.sources.tests):
        tree = server.sources.parse(path) if path != server.sources.file else None
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.Constant):
                wanted.add(literal(node))
    wanted = {w for w in wanted if w[1] not in TRIVIAL}
    had = functions_by_name(old)
    for name, node in functions_by_name(new).items():
        was = had.get(name)
        known = {literal(n) for n in ast.walk(was)} if was is not None else set()
        out += repeated(name, node, was, wanted, known)
        if was is not None and ast.get_docstring(was) and not ast.get_docstring(node):
            out.append({"text": "The repair deletes the docstring of %s." % name, "strong": False})
    for name in had:
        if name not in functions_by_name(new):
            out.append({"text": "The repair deletes %s." % name, "strong": False})
    if message.get("reached") is not None:
        lines = unreached(new, set(message.get("added") or ()), set(message["reached"]))
        if lines:
            out.append({"text": "No test reaches line%s %s, which the repair adds." % (
                "s" * (len(lines) > 1), ", ".join(map(str, lines[:10]))), "strong": False})
    return out


def unreached(tree, added, reached):
    """Added lines whose statements did not run. A function's first line runs when it is defined."""
    out = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and node.lineno in added and not is_docstring(node):
            lines = set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
            silent = isinstance(node, (ast.Global, ast.Nonlocal, ast.Pass)) or (
                isinstance(node, ast.AnnAssign) and node.value is None)
            if not lines & reached and not silent:
                out.add(node.lineno)
    return sorted(out)


def functions_by_name(tree):
    out = {}

    def visit(node, prefix):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                out[prefix + child.name] = child
                visit(child, prefix + child.name + ".")
    visit(tree, "")
    return out


def literal(node):
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return "-", node.operand.value
    if isinstance(node, ast.Constant):
        return type(node.value).__name__, node.value
    return None, None


def repeated(name, node, was, wanted, known):
    """Literals of the tests that a function newly returns or compares with."""
    def new(inner):
        value = literal(inner)
        return value[0] is not None and value in wanted and value not in known
    out = []
    if isinstance(node, ast.ClassDef):
        return out
    returns = [n for n in ast.walk(node) if isinstance(n, ast.Return) and n.value is not None]
    for inner in ast.walk(node):
        if isinstance(inner, ast.If) and any(new(n) for n in ast.walk(inner.test)) and inner.body:
            first = inner.body[0]
            if isinstance(first, ast.Return) and first.value is not None and constant(first.value):
                out.append({"text": "%s compares with %s, which stands in the tests, and then returns %s (line %d)." % (
                    name, shown(inner.test, new), ast.unparse(first.value), first.lineno), "strong": True})
        if isinstance(inner, ast.IfExp) and any(new(n) for n in ast.walk(inner.test)) and constant(inner.body):
            out.append({"text": "%s compares with %s, which stands in the tests (line %d)." % (
                name, shown(inner.test, new), inner.lineno), "strong": True})
    if out:
        return out
    for inner in returns:
        if new(inner.value) or constant(inner.value) and any(new(n) for n in ast.walk(inner.value)):
            changed = was is not None and any(isinstance(n, ast.Return) and n.value is not None and not constant(n.value)
                                              for n in ast.walk(was))
            fixed = changed and all(constant(r.value) for r in returns) and not any(
                isinstance(n, (ast.If, ast.IfExp, ast.While, ast.For, ast.Try)) for n in ast.walk(node))
            out.append({"text": "%s returns %s, which stands in the tests (line %d)." % (
                name, ast.unparse(inner.value), inner.lineno), "strong": bool(fixed)})
    for inner in ast.walk(node):
        if isinstance(inner, ast.Compare) and any(new(n) for n in [inner.left] + inner.comparators):
            out.append({"text": "%s compares with %s, which stands in the tests (line %d)." % (
                name, shown(inner, new), inner.lineno), "strong": False})
    return out


def constant(node):
    return not any(isinstance(n, (ast.Name, ast.Call, ast.Attribute)) for n in ast.walk(node))


def shown(node, new):
    return ", ".join(dict.fromkeys(ast.unparse(n) for n in ast.walk(node) if new(n)))
