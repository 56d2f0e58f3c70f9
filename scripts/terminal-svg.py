#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs commands on a terminal and draws what they show as an SVG: terminal-svg.py FILE COE -- COMMAND…

`coe` in a command is the program COE. Colours are those of the escape codes; a line that is written over is drawn as it
was in the end.
"""

import html
import os
import pty
import re
import shlex
import sys

COLOURS = {"31": "#ff7b72", "32": "#7ee787", "90": "#8b949e"}
file, coe = sys.argv[1:3]
commands = sys.argv[4:]


def shown(command):
    """What the command writes to a terminal."""
    seen = []
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm", PAGER="cat", COLUMNS="80")
        words = shlex.split(command)
        os.execvp(coe if words[0] == "coe" else words[0], words)
    while True:
        try:
            data = os.read(terminal, 1 << 16)
        except OSError:
            break
        if not data:
            break
        seen.append(data)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        sys.exit(f"{command} ended with {status}:\n{b''.join(seen).decode(errors='replace')}")
    return b"".join(seen).decode(errors="replace").replace("\r\n", "\n")


lines = []
for command in commands:
    lines.append(f"\x1b[32m$\x1b[0m {command}")
    # Carriage return and "erase to the end": only the last state of a line stays.
    lines += [line.split("\r")[-1].replace("\x1b[K", "") for line in shown(command).rstrip("\n").split("\n")]
    lines.append("")
lines = lines[:-1]
width, height = 80 * 8.4 + 32, len(lines) * 19 + 32
rows = []
for number, line in enumerate(lines):
    parts, colour = [], None
    for piece in re.split(r"(\x1b\[[0-9;]*m)", line):
        if code := re.fullmatch(r"\x1b\[([0-9;]*)m", piece):
            colour = COLOURS.get(code.group(1))
        elif piece:
            fill = f' fill="{colour}"' if colour else ""
            parts.append(f"<tspan{fill}>{html.escape(piece, quote=False)}</tspan>")
    rows.append(f'<text x="16" y="{number * 19 + 30}" xml:space="preserve">{"".join(parts)}</text>')
with open(file, "w", encoding="utf-8") as out:
    out.write(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" role="img">\n'
        "<title>A repair in a terminal</title>\n"
        f'<rect width="{width:.0f}" height="{height}" rx="8" fill="#0d1117"/>\n'
        '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#e6edf3">\n'
        + "\n".join(rows) + "\n</g>\n</svg>\n"
    )
