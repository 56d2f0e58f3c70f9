"""Runs a command on a terminal of its own, as a person would see it, and prints what came of it as JSON.

    terminal.py [--columns N] [--wait REGEX] [--keys TEXT] [--timeout SECONDS] COMMAND…

The keys are sent when the regex has matched; \\x03 is Ctrl-C. The terminal's own rules apply: Ctrl-C goes to the whole
foreground group.
"""

import argparse
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

parser = argparse.ArgumentParser()
parser.add_argument("--columns", type=int, default=80)
parser.add_argument("--wait", default="")
parser.add_argument("--keys", default="")
parser.add_argument("--timeout", type=float, default=60)
parser.add_argument("command", nargs=argparse.REMAINDER)
arguments = parser.parse_args()
keys = arguments.keys.encode().decode("unicode_escape").encode()

pid, terminal = pty.fork()
if pid == 0:
    os.environ.setdefault("TERM", "xterm")
    os.execvp(arguments.command[0], arguments.command)
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, arguments.columns, 0, 0))

start = time.monotonic()
seen = b""
sent = None
while True:
    if sent is None and keys and re.search(arguments.wait.encode(), seen):
        os.write(terminal, keys)
        sent = time.monotonic()
    ready, _, _ = select.select([terminal], [], [], 0.1)
    if ready:
        try:
            piece = os.read(terminal, 1 << 16)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    elif time.monotonic() - start > arguments.timeout:
        os.killpg(os.getpgid(pid), signal.SIGKILL)
        print(json.dumps({"code": None, "seconds": None, "text": seen.decode(errors="replace")}))
        sys.exit(0)
_, status = os.waitpid(pid, 0)
code = os.waitstatus_to_exitcode(status)
# As a shell says it.
code = 128 - code if code < 0 else code
seconds = time.monotonic() - (sent or start)
print(json.dumps({"code": code, "seconds": seconds, "text": seen.decode(errors="replace")}))
