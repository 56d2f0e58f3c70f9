# Reads one JSON object a line, {"mode": "sites" | "tokens", "source": program}, and answers each with one line.
# Programs are parsed, never run. The caller bounds size, time and memory.
import ast
import builtins
import io
import json
import keyword
import re
import sys
import token
import tokenize
import warnings

warnings.simplefilter("ignore")

BINARY = {
    ast.Add: ("+", ["-", "*"]), ast.Sub: ("-", ["+"]), ast.Mult: ("*", ["+", "**"]), ast.Div: ("/", ["//", "*"]),
    ast.FloorDiv: ("//", ["/", "%"]), ast.Mod: ("%", ["//"]), ast.Pow: ("**", ["*"]), ast.BitAnd: ("&", ["|"]),
    ast.BitOr: ("|", ["&", "^"]), ast.BitXor: ("^", ["|", "&"]), ast.LShift: ("<<", [">>"]), ast.RShift: (">>", ["<<"]),
}
COMPARISON = {
    ast.Eq: (["=="], ["!="]), ast.NotEq: (["!="], ["=="]), ast.Lt: (["<"], [">"]), ast.Gt: ([">"], ["<"]),
    ast.LtE: (["<="], [">="]), ast.GtE: ([">="], ["<="]), ast.In: (["in"], ["not in"]),
    ast.NotIn: (["not", "in"], ["in"]), ast.Is: (["is"], ["is not"]), ast.IsNot: (["is", "not"], ["is"]),
}
BOUNDARY = {ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">")}
CALLS = [
    ["min", "max"], ["any", "all"], ["len", "sum"], ["sorted", "list", "reversed"], ["set", "list", "tuple"],
    ["int", "float", "round"], ["ord", "chr"], ["append", "extend"], ["lower", "upper"], ["isupper", "islower"],
    ["isdigit", "isalpha", "isalnum"], ["startswith", "endswith"], ["find", "index", "rfind"],
    ["strip", "lstrip", "rstrip"], ["split", "splitlines"], ["keys", "values", "items"], ["floor", "ceil"],
    ["union", "intersection", "difference"], ["heappush", "heappop"], ["pop", "remove"], ["popleft", "pop"],
    ["add", "discard"], ["enumerate", "zip"], ["sin", "cos", "tan"], ["match", "search", "fullmatch"],
    ["most_common", "elements"], ["nlargest", "nsmallest"], ["bisect_left", "bisect_right"],
    ["permutations", "combinations"], ["filter", "map"],
]
RELATED = {}
for names in CALLS:
    for name in names:
        RELATED.setdefault(name, []).extend(n for n in names if n != name)


class Finder(ast.NodeVisitor):
    """Collects edits (operator, node kind, start, end, new text); a place is (line from 1, column in bytes)."""

    def __init__(self, source):
        self.lines = [line.encode() for line in re.split("\r\n|\n|\r", source)]
        self.tree = ast.parse(source)
        self.shape = ast.dump(self.tree)
        self.tokens = []
        for item in tokenize.generate_tokens(io.StringIO("\n".join(re.split("\r\n|\n|\r", source))).readline):
            if item.type == token.OP or item.type == token.NAME:
                self.tokens.append((self.place(*item.start), self.place(*item.end), item.string))
        self.edits = []
        self.names = [[]]
        self.function = None
        for parent in ast.walk(self.tree):
            for child in ast.iter_child_nodes(parent):
                child.parent = parent
        self.visit(self.tree)

    def place(self, line, column):
        """A place of `tokenize`, whose columns are characters."""
        text = self.lines[line - 1] if line <= len(self.lines) else b""
        return (line, len(text.decode()[:column].encode()))

    # Edits

    def add(self, operator, node, start, end, new):
        self.edits.append((operator, type(node).__name__, [(start, end, new.encode())]))

    def replace(self, operator, node, new):
        self.add(operator, node, start(node), end(node), new)

    def text(self, node):
        return self.span(start(node), end(node))

    def span(self, a, b):
        if a[0] == b[0]:
            return self.lines[a[0] - 1][a[1]:b[1]].decode()
        middle = self.lines[a[0]:b[0] - 1]
        return b"\n".join([self.lines[a[0] - 1][a[1]:], *middle, self.lines[b[0] - 1][:b[1]]]).decode()

    def between(self, a, b, strings):
        """Where the tokens `strings` stand between two places."""
        for i, (s, e, string) in enumerate(self.tokens):
            if a <= s < b and string == strings[0]:
                if len(strings) == 1:
                    return s, e
                if i + 1 < len(self.tokens) and self.tokens[i + 1][2] == strings[1]:
                    return s, self.tokens[i + 1][1]
        return None

    def whole(self, node):
        """Whether the statement has its lines to itself."""
        a, b = start(node), end(node)
        if self.lines[a[0] - 1][:a[1]].strip() or (b[0] < len(self.lines) and self.lines[b[0] - 1].endswith(b"\\")):
            return False
        rest = self.lines[b[0] - 1][b[1]:].strip()
        return not rest or rest.startswith(b"#")

    def indentation(self, node):
        return self.lines[node.lineno - 1][:node.col_offset].decode()

    # Expressions

    def visit_JoinedStr(self, node):
        pass  # Python 3.11 and older give no true places inside f-strings.

    def visit_BinOp(self, node):
        old, new = BINARY.get(type(node.op), (None, []))
        place = old and self.between(end(node.left), start(node.right), [old])
        if place:
            for other in new:
                self.add("operator", node, *place, other)
        self.generic_visit(node)

    def visit_AugAssign(self, node):
        old, new = BINARY.get(type(node.op), (None, []))
        place = old and self.between(end(node.target), start(node.value), [old + "="])
        if place:
            for other in new:
                self.add("operator", node, *place, other + "=")
            self.add("operator", node, *place, "=")
        self.generic_visit(node)

    def visit_BoolOp(self, node):
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:]):
            place = self.between(end(left), start(right), [old])
            if place:
                self.add("operator", node, *place, new)
        self.generic_visit(node)

    def visit_UnaryOp(self, node):
        if isinstance(node.op, (ast.Not, ast.USub)):
            self.replace("operator", node, self.text(node.operand))
        self.generic_visit(node)

    def visit_Compare(self, node):
        left = node.left
        for op, right in zip(node.ops, node.comparators):
            old, new = COMPARISON[type(op)]
            place = self.between(end(left), start(right), old)
            if place:
                for other in new:
                    self.add("comparison", node, *place, other)
                if type(op) in BOUNDARY:
                    self.add("boundary", node, *place, BOUNDARY[type(op)][1])
            left = right
        self.generic_visit(node)

    def visit_Constant(self, node):
        value = node.value
        if isinstance(getattr(node, "parent", None), ast.Expr):
            return
        if isinstance(value, bool):
            self.replace("constant", node, str(not value))
        elif isinstance(value, int) and abs(value) < 10**12 and self.text(node).isdigit():
            for other in sorted({value + 1, value - 1, 0, 1, 10 * value} - {value}):
                if other >= 0:
                    self.replace("constant", node, str(other))
        elif isinstance(value, float) and self.text(node).replace(".", "", 1).isdigit():
            for other in sorted({value + 1, value * 10, value / 2} - {value}):
                self.replace("constant", node, repr(other))
        elif value is None:
            self.replace("constant", node, "0")
        elif isinstance(value, str) and node.lineno == node.end_lineno and len(value) < 40:
            text = self.text(node)
            if text in ('"%s"' % value, "'%s'" % value) and "\\" not in text:
                # Sorted, since the order of a set of strings differs from run to run.
                for other in sorted({"", " ", value[1:], value[:-1], value.swapcase(), value + " "} - {value}):
                    self.replace("constant", node, text[0] + other + text[0])

    def visit_Name(self, node):
        names = self.names[-1]
        if isinstance(node.ctx, ast.Load) and node.id in names:
            for other in [n for n in names if n != node.id]:
                self.replace("variable", node, other)

    def visit_Call(self, node):
        f = node.func
        name = f.id if isinstance(f, ast.Name) else f.attr if isinstance(f, ast.Attribute) else None
        for other in RELATED.get(name, []):
            line, column = end(f)
            self.add("call", node, (line, column - len(name)), end(f), other)
        plain = [a for a in node.args if not isinstance(a, ast.Starred)]
        for left, right in zip(plain, plain[1:]):
            a, b = self.text(left), self.text(right)
            if a != b and left.parent is right.parent:
                self.add("arguments", node, start(left), end(right), b + self.span(end(left), start(right)) + a)
        if len(plain) > 1 and len(plain) == len(node.args) and not node.keywords:
            self.add("arguments", node, end(plain[-2]), end(plain[-1]), "")
        if name == "range" and plain and len(plain) == len(node.args):
            stop = plain[0] if len(plain) == 1 else plain[1]
            self.shift("boundary", stop)
            if len(plain) == 1:
                self.add("boundary", node, start(stop), start(stop), "1, ")
            else:
                self.shift("boundary", plain[0])
        self.generic_visit(node)

    def shift(self, operator, node):
        """The expression one lower and one higher."""
        text = self.text(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, int) and not isinstance(node.value, bool):
            for other in (node.value - 1, node.value + 1):
                self.replace(operator, node, str(other))
            return
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
            if isinstance(node.right, ast.Constant) and node.right.value == 1:
                self.add(operator, node, end(node.left), end(node), "")
        if isinstance(node, (ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.BinOp)) and "\n" not in text:
            self.replace(operator, node, text + " - 1")
            self.replace(operator, node, text + " + 1")

    def visit_Subscript(self, node):
        index = node.slice
        if isinstance(index, ast.Slice):
            for bound in (index.lower, index.upper):
                if bound is not None:
                    self.shift("index", bound)
            if index.step is not None and self.text(index.step) == "-1":
                self.replace("index", index.step, "1")
        elif isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub):
            self.replace("index", index, "0")
            self.replace("index", index, "-2" if self.text(index) == "-1" else "-1")
        elif not isinstance(index, ast.Tuple) and not (
            isinstance(index, ast.Constant) and not isinstance(index.value, int)
        ):
            self.shift("index", index)
        self.generic_visit(node)

    # Statements

    def visit_FunctionDef(self, node):
        a = node.args
        names = [x.arg for x in a.posonlyargs + a.args + a.kwonlyargs]
        for child in ast.walk(node):
            if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
                names.append(child.id)
        outer, self.function = self.function, node
        self.names.append(sorted({n for n in names if n not in ("self", "_")}))
        self.mutable_default(node)
        self.generic_visit(node)
        self.names.pop()
        self.function = outer

    visit_AsyncFunctionDef = visit_FunctionDef

    def mutable_default(self, node):
        a = node.args
        if a.vararg or a.kwarg or a.kwonlyargs or a.posonlyargs or node.returns:
            return
        for statement in node.body:
            if not (isinstance(statement, ast.Assign) and len(statement.targets) == 1 and self.whole(statement)):
                continue
            target, value = statement.targets[0], self.text(statement.value)
            if not (isinstance(target, ast.Name) and value in ("[]", "{}", "set()", "list()", "dict()")):
                continue
            if target.id in [x.arg for x in a.args] or len(node.body) < 2:
                continue
            head = self.between(start(node), start(node.body[0]), [")"])
            if a.args:
                last = a.defaults[-1] if a.defaults else a.args[-1]
                head = self.between(end(last), start(node.body[0]), [")"])
            if head and statement.lineno > head[0][0]:
                new = (", " if a.args else "") + target.id + "=" + value
                self.edits.append(("mutableDefault", "FunctionDef", [
                    (head[0], head[0], new.encode()),
                    ((statement.lineno, 0), (statement.end_lineno + 1, 0), b"")]))

    def visit_Return(self, node):
        if node.value is not None:
            self.replace("return", node, self.text(node.value))
            self.add("return", node, start(node), end(node), "return")
            names = [n for n in self.names[-1] if n != self.text(node.value)]
            for other in names:
                self.replace("return", node.value, other)
            if isinstance(node.value, (ast.Compare, ast.BoolOp, ast.Name)):
                self.replace("return", node.value, "not " + (
                    self.text(node.value) if isinstance(node.value, ast.Name) else "(" + self.text(node.value) + ")"))
        self.generic_visit(node)

    def condition(self, node):
        text = self.text(node.test)
        simple = isinstance(node.test, (ast.Name, ast.Call, ast.Attribute, ast.Subscript))
        self.replace("branch", node.test, "not " + text if simple else "not (" + text + ")")

    def visit_If(self, node):
        self.condition(node)
        line, column = start(node)
        if self.lines[line - 1][column:column + 4] == b"elif":
            self.add("branch", node, (line, column), (line, column + 4), "if")
        else:
            if len(node.orelse) == 0 and isinstance(node.test, ast.Compare):
                self.add("branch", node, (line, column), (line, column + 2), "while")
        if node.orelse and not isinstance(node.orelse[0], ast.If):
            # The bodies change places.
            body, other = node.body, node.orelse
            if body[0].lineno > node.lineno and other[0].lineno > body[-1].end_lineno + 0 and self.whole(body[-1]):
                if self.whole(body[0]) and self.whole(other[0]) and self.whole(other[-1]):
                    if body[0].col_offset == other[0].col_offset:
                        a = (start(body[0]), end(body[-1]), self.span(start(other[0]), end(other[-1])).encode())
                        b = (start(other[0]), end(other[-1]), self.span(start(body[0]), end(body[-1])).encode())
                        self.edits.append(("branch", "If", [a, b]))
        self.generic_visit(node)

    def visit_IfExp(self, node):
        self.condition(node)
        self.generic_visit(node)

    def loop(self, node):
        last = node.body[-1]
        if not self.whole(last) or last.lineno == node.lineno:
            return
        indent, place = self.indentation(last), end_of_line(self, last)
        if isinstance(last, (ast.Return, ast.Break, ast.Continue, ast.Raise)):
            return
        self.add("earlyExit", node, place, place, "\n" + indent + "break")
        if self.function is not None:
            for child in ast.walk(self.function):
                if isinstance(child, ast.Return) and isinstance(child.value, (ast.Name, ast.Constant)):
                    self.add("earlyExit", node, place, place, "\n" + indent + "return " + self.text(child.value))

    def visit_While(self, node):
        self.condition(node)
        self.loop(node)
        self.generic_visit(node)

    def visit_For(self, node):
        self.loop(node)
        self.generic_visit(node)

    def visit_Break(self, node):
        self.replace("branch", node, "continue")

    def visit_Continue(self, node):
        self.replace("branch", node, "break")

    def generic_visit(self, node):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                self.block(node, block)
        super().generic_visit(node)

    def block(self, parent, block):
        for statement in block:
            if not self.whole(statement):
                continue
            a, b = (statement.lineno, 0), (statement.end_lineno + 1, 0)
            if isinstance(statement, ast.Assign) and len(block) > 1 and self.function is not None:
                if all(isinstance(t, (ast.Name, ast.Tuple)) for t in statement.targets):
                    self.add("initialisation", statement, a, b, "")
        if any(self.multiline_string(s) for s in block):
            return
        for before, statement in zip(block, block[1:]):
            inner = getattr(before, "orelse", None) or getattr(before, "body", None)
            if not isinstance(inner, list) or isinstance(before, (ast.FunctionDef, ast.ClassDef)):
                continue
            last = inner[-1]
            if self.whole(statement) and last.lineno > before.lineno and self.whole(last):
                extra = self.indentation(last)[len(self.indentation(statement)):]
                self.move(statement, lambda line: extra.encode() + line if line.strip() else line)
        if isinstance(parent, (ast.For, ast.While, ast.If, ast.With)) and len(block) > 1 and self.whole(block[-1]):
            outer = self.indentation(parent)
            cut = len(self.indentation(block[-1])) - len(outer)
            if cut > 0 and block[0].lineno > parent.lineno and self.whole(parent.body[0]):
                self.move(block[-1], lambda line: line[cut:] if not line[:cut].strip() else line)

    def multiline_string(self, statement):
        return any(isinstance(n, (ast.Constant, ast.JoinedStr)) and n.lineno != n.end_lineno
                   for n in ast.walk(statement) if isinstance(n, ast.expr))

    def move(self, statement, change):
        if any(isinstance(n, (ast.FunctionDef, ast.ClassDef)) for n in ast.walk(statement)):
            return
        a, b = statement.lineno, statement.end_lineno
        new = b"\n".join(change(line) for line in self.lines[a - 1:b])
        self.edits.append(("indentation", type(statement).__name__, [((a, 0), (b, len(self.lines[b - 1])), new)]))

    # The result

    def sites(self):
        """[operator, node kind, first line from 0, lines replaced, new lines], each parsing and unlike the original."""
        seen, sites = set(), []
        for operator, kind, parts in self.edits:
            lines = list(self.lines)
            for (line, column), (last, stop), new in sorted(parts, reverse=True):
                if last > len(lines):
                    # The last line goes with the line end before it.
                    if line < 2:
                        break
                    last, stop = len(lines), len(lines[-1])
                    if not new and column == 0:
                        line, column = line - 1, len(lines[line - 2])
                lines[line - 1:last] = (lines[line - 1][:column] + new + lines[last - 1][stop:]).split(b"\n")
            first = 0
            while first < min(len(lines), len(self.lines)) and lines[first] == self.lines[first]:
                first += 1
            tail = 0
            while tail < min(len(lines), len(self.lines)) - first and lines[-1 - tail] == self.lines[-1 - tail]:
                tail += 1
            changed = [line.decode() for line in lines[first:len(lines) - tail]]
            key = (first, tail, tuple(changed))
            if key in seen:
                continue
            seen.add(key)
            try:
                tree = ast.parse(b"\n".join(lines))
            except (SyntaxError, ValueError):
                continue
            if ast.dump(tree) != self.shape:
                sites.append([operator, kind, first, len(self.lines) - tail - first, changed])
        return sites


def start(node):
    return (node.lineno, node.col_offset)


def end(node):
    return (node.end_lineno, node.end_col_offset)


def end_of_line(finder, node):
    return (node.end_lineno, len(finder.lines[node.end_lineno - 1]))


def tokens(source):
    """The program's tokens without layout and comments, as written and with its own names numbered."""
    plain, numbered, number = [], [], {}
    before = ""
    for item in tokenize.generate_tokens(io.StringIO("\n".join(re.split("\r\n|\n|\r", source))).readline):
        if item.type in (token.NL, token.COMMENT, token.ENCODING, token.ENDMARKER):
            continue
        word = item.string
        if item.type in (token.NEWLINE, token.INDENT, token.DEDENT):
            word = token.tok_name[item.type]
        plain.append(word)
        if item.type == token.NAME and before != "." and not keyword.iskeyword(word) and not hasattr(builtins, word):
            word = number.setdefault(word, "n%d" % len(number))
        numbered.append(word)
        before = item.string
    return {"plain": " ".join(plain), "numbered": " ".join(numbered)}


def main():
    try:
        import resource
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    except (ImportError, ValueError, OSError):
        pass
    for line in sys.stdin:
        request = json.loads(line)
        try:
            source = request["source"]
            answer = {"sites": Finder(source).sites()} if request["mode"] == "sites" else tokens(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError, IndexError) as error:
            answer = {"error": "%s: %s" % (type(error).__name__, error)}
        print(json.dumps(answer))


main()
