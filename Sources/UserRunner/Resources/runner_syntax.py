"""What the interpreter itself suggests for a program that does not parse: complete programs that do."""
import io, re, tokenize, warnings

PAIRS = {"(": ")", "[": "]", "{": "}"}
HEADS = r"(if|elif|else|for|while|def|class|try|except|finally|with|match|case|async)\b"
CHARACTERS = {"\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'", "\u2013": "-", "\u2014": "-", "\u2212": "-", "\u00a0": " ",
              "\u200b": "", "\uff08": "(", "\uff09": ")", "\uff1a": ":", "\uff0c": ","}


def suggestions(text, limit=8):
    """Programs that parse, the fewest changes first."""
    found, queue, seen, tries = [], [text], {text}, 0
    while queue and len(found) < limit and tries < 300:
        current = queue.pop(0)
        problem = error_of(current)
        if problem is None:
            continue
        for candidate in dict.fromkeys(candidates(current, problem)):
            if candidate in seen:
                continue
            seen.add(candidate)
            tries += 1
            after = error_of(candidate)
            if after is None:
                found.append(candidate)
            elif (after.lineno or 0) > (problem.lineno or 0) or (
                    (after.lineno or 0) == (problem.lineno or 0) and (after.offset or 0) > (problem.offset or 0)):
                queue.append(candidate)
    return found[:limit]


def error_of(text):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "program", "exec", dont_inherit=True)
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError, MemoryError):
        return SyntaxError("")
    return None


def candidates(text, error):
    message, number = error.msg or "", error.lineno or 0
    lines = text.split("\n")
    if not 1 <= number <= len(lines):
        return
    line, start = lines[number - 1], (error.offset or 1) - 1
    end = (getattr(error, "end_offset", None) or 0) - 1
    if (getattr(error, "end_lineno", None) or number) != number or end < start:
        end = len(line)

    def with_line(new, at=number):
        return "\n".join(lines[:at - 1] + ([new] if new is not None else []) + lines[at:])
    code, comment = split_comment(line)
    if "expected ':'" in message or "invalid syntax" == message or "invalid syntax" in message and re.match(r"\s*" + HEADS, code):
        if re.match(r"\s*" + HEADS, code) and not code.rstrip().endswith(":"):
            yield with_line(code.rstrip() + ":" + comment)
            for place in {start, end}:
                if 0 < place < len(line):
                    yield with_line(line[:place].rstrip() + ":" + line[place:])
    if "forgot a comma" in message or message == "invalid syntax":
        for gap in reversed(list(re.finditer(r"\s+", line[start:end]))):
            yield with_line(line[:start + gap.start()] + "," + line[start + gap.start():])
        for gap in re.finditer(r"(?<=[\w)\]}'\"])\s+(?=[\w(\[{'\"])", code):
            yield with_line(line[:gap.start()] + "," + line[gap.start():])
        for at in (number, number - 1):
            if at >= 1 and lines[at - 1].strip() and not lines[at - 1].rstrip().endswith((",", "(", "[", "{", ":")):
                head, tail = split_comment(lines[at - 1])
                yield with_line(head.rstrip() + "," + tail, at)
    if "'=='" in message or "instead of '='" in message or message == "invalid syntax":
        for sign in re.finditer(r"(?<![=!<>:+\-*/%&|^])=(?!=)", line):
            if re.match(r"\s*(if|elif|while|return|assert)\b", line):
                yield with_line(line[:sign.start()] + "==" + line[sign.end():])
    if "Missing parentheses in call" in message or re.search(r"\b(print|exec)\b\s+[^(=]", line):
        match = re.match(r"(.*?)\b(print|exec)\b[ \t]*(?!\()(.*)$", code)
        if match:
            inner = match[3].rstrip()
            inner = inner[:-1] + ", end=' '" if inner.endswith(",") else inner
            every = "\n".join(printed(l) for l in lines)
            yield with_line("%s%s(%s)%s" % (match[1], match[2], inner, comment))
            yield every
    match = re.search(r"'([(\[{])' was never closed", message)
    if match:
        closer, bare = PAIRS[match[1]], code.rstrip()
        if bare.endswith(":"):
            yield with_line(bare[:-1] + closer + ":" + comment)
        yield with_line(bare + closer + comment)
        if bare.endswith((")", "]", "}")):
            yield with_line(bare[:-1] + closer + bare[-1] + comment)
        for last in range(number + 1, min(len(lines), number + 30) + 1):
            if not lines[last - 1].strip():
                yield with_line(lines[last - 2].rstrip() + closer, last - 1)
                break
    if "unmatched" in message or "does not match opening" in message:
        if 0 <= start < len(line):
            match = re.search(r"opening parenthesis '(.)'", message)
            if match and match[1] in PAIRS:
                yield with_line(line[:start] + PAIRS[match[1]] + line[start + 1:])
            yield with_line(line[:start] + line[start + 1:])
    if "unterminated" in message and "triple" not in message or "EOL while scanning" in message:
        quote = re.search(r"['\"]", line[start:] or line)
        if quote:
            for tail in ("", ")", "):", ":", ",", "]", "}"):
                bare = line.rstrip()
                if bare.endswith(tail):
                    yield with_line(bare[:len(bare) - len(tail)] + quote[0] + tail)
    if "f-string" in message or "invalid syntax" in message:
        for inner, other in (('"', "'"), ("'", '"')):  # quotes within the braces of an f-string
            fixed = re.sub(r"\{[^{}]*\}", lambda m: m[0].replace(inner, other), line)
            if fixed != line:
                yield with_line(fixed)
    for candidate in indentation(lines, number, message):
        yield candidate
    for old, new in CHARACTERS.items():
        if old in line:
            yield "\n".join(translated(l) for l in lines)
            break
    if "leading zeros" in message:
        yield with_line(re.sub(r"\b0+(?=\d)", "", line))
    for old, new in ((r"\belse\s+if\b", "elif"), (r"\b(elseif|elsif)\b", "elif"), (r"\s*&&\s*", " and "), (r"\s*\|\|\s*", " or "),
                     (r"!(?![=])\s*", "not "), (r"=<", "<="), (r"=>", ">="), (r"\+\+", " += 1"), (r"--\s*$", " -= 1"),
                     (r"<>", "!="), (r"\bfunction\b", "def"), (r";\s*$", ""), (r"except\s+([\w.]+)\s*,\s*(\w+)\s*:", r"except \1 as \2:"),
                     (r"raise\s+([\w.]+)\s*,\s*(.+)$", r"raise \1(\2)")):
        fixed = re.sub(old, new, line)
        if fixed != line:
            yield with_line(fixed)


def indentation(lines, number, message):
    """The blocks that could be meant, the whole block first."""
    line = lines[number - 1]
    own = re.match(r"\s*", line)[0]
    if "inconsistent use of tabs" in message or "unindent does not match" in message or "unexpected indent" in message:
        if any("\t" in re.match(r"\s*", l)[0] for l in lines):
            for width in (4, 8):
                yield "\n".join(expanded(l, width) for l in lines)
    if "expected an indented block" in message:
        above = next((re.match(r"\s*", l)[0] for l in reversed(lines[:number - 1]) if l.strip()), "")
        step = "\t" if "\t" in above else "    "
        ends = [number]
        for last in range(number + 1, len(lines) + 1):
            text = lines[last - 1]
            if text.strip() and (len(re.match(r"\s*", text)[0]) < len(own) or re.match(re.escape(own) + r"(def|class|@)", text)):
                break
            if text.strip():
                ends.append(last)
        for last in reversed(ends[:20]):
            body = [above + step + l[len(own):] if l.strip() else l for l in lines[number - 1:last]]
            yield "\n".join(lines[:number - 1] + body + lines[last:])
        yield "\n".join(lines[:number - 1] + [above + step + "pass"] + lines[number - 1:])
    if "unexpected indent" in message or "unindent does not match" in message:
        levels = []
        for text in lines[:number - 1]:
            blank = re.match(r"\s*", text)[0]
            if text.strip() and blank not in levels:
                levels.append(blank)
        levels.sort(key=lambda l: abs(len(l) - len(own)))
        last = number
        while last < len(lines) and lines[last].strip() and len(re.match(r"\s*", lines[last])[0]) >= len(own):
            last += 1
        for level in levels[:4]:
            if level != own:
                for stop in (number, last):
                    body = [level + l[len(own):] if l.startswith(own) else l for l in lines[number - 1:stop]]
                    yield "\n".join(lines[:number - 1] + body + lines[stop:])


def split_comment(line):
    """The code of a line and its comment."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(line).readline):
            if token.type == tokenize.COMMENT:
                return line[:token.start[1]], "  " + line[token.start[1]:] if line[:token.start[1]].strip() else line
    except (tokenize.TokenError, SyntaxError, IndentationError):
        match = re.search(r"\s#[^'\"]*$", line)
        if match:
            return line[:match.start()], line[match.start():]
    return line, ""


def expanded(line, width):
    blank = re.match(r"\s*", line)[0]
    return blank.expandtabs(width) + line[len(blank):]


def translated(line):
    return "".join(CHARACTERS.get(c, c) for c in line)


def printed(line):
    match = re.match(r"(\s*)print[ \t]+(?!\()(.*)$", line)
    if not match:
        return line
    code, comment = split_comment(match[2])
    code = code.rstrip()
    return "%sprint(%s)%s" % (match[1], code[:-1] + ", end=' '" if code.endswith(",") else code, comment)
