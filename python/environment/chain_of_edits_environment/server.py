# SPDX-License-Identifier: Apache-2.0
"""The environment server as a process of its own, on a free port of loopback."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any


class ServerError(RuntimeError):
    """The server could not be started, or it ended."""


def binary() -> Path:
    """The program `coe-environment`: `$COE_ENVIRONMENT`, the one in this package, or one on `PATH`."""
    named = os.environ.get("COE_ENVIRONMENT")
    bundled = Path(__file__).parent / "bin" / "coe-environment"
    found = named or (bundled if bundled.exists() else shutil.which("coe-environment"))
    if not found:
        raise ServerError(
            "The program coe-environment is not here. Install a wheel for this platform, or name the program in "
            "COE_ENVIRONMENT."
        )
    return Path(found)


class Server:
    """A server that this process starts and ends.

    Args:
        tool: Serve the tasks of this tool alone, such as `python` or `countdown`.
        set: A task set that a tool knows (`starter`, `countdown-4`, …), or a file of tasks.
        turns: Turns of an episode; the tool's own number when not given.
        prompt: How an episode is shown: examples, paper, compact, compact-diff, brief or plain.
        until_exit: Go on after the tests pass, until the model says EXIT, as in the paper.
        sessions: The most sessions at the same time.
        arguments: Further arguments of `coe-environment`, as on the command line.

    Raises:
        ServerError: with the server's own words, such as how to install bubblewrap.

    A server is a context manager. Without `with`, `close()` ends it, or the end of this process does.
    """

    def __init__(
        self,
        tool: str | None = None,
        set: str | None = None,
        *,
        turns: int | None = None,
        prompt: str | None = None,
        until_exit: bool = False,
        sessions: int = 1024,
        arguments: tuple[str, ...] | list[str] = (),
        timeout: float = 30,
    ):
        command = [str(binary()), "env", "--port", "0", "--json", "--sessions", str(sessions), "--drain-seconds", "0"]
        command.append("--end-with-input")
        for name, value in (("--tool", tool), ("--set", set), ("--turns", turns), ("--prompt", prompt)):
            if value is not None:
                command += [name, str(value)]
        if until_exit:
            command.append("--until-exit")
        # Standard error goes to a file: a pipe that nobody reads would fill up and stop the server. Standard input
        # stays open while this process lives; a kill of it ends the server too.
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [*command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log
        )
        atexit.register(self.close)
        line = _read_line(self._process, timeout)
        if not line:
            words = self.log().strip() or f"no word from it in {timeout:g} seconds"
            self.close()
            raise ServerError(f"coe-environment did not start: {words}")
        #: Where the server listens, such as `http://127.0.0.1:40123`.
        self.url: str = json.loads(line)["url"]

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def log(self) -> str:
        """What the server has written to standard error."""
        if self._log.closed:
            return ""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def close(self) -> None:
        """Ends the server; calling it again does nothing."""
        atexit.unregister(self.close)
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self._log.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def _read_line(process: subprocess.Popen[bytes], timeout: float) -> bytes:
    """The first line of standard output; empty when none came in time."""
    assert process.stdout is not None
    lines: list[bytes] = []
    reader = threading.Thread(target=lambda: lines.append(process.stdout.readline()), daemon=True)  # type: ignore
    reader.start()
    reader.join(timeout)
    if reader.is_alive():
        process.kill()
        reader.join()
    return lines[0] if lines else b""


_shared: dict[str, Server] = {}
_lock = threading.Lock()


def shared_server(**options: Any) -> Server:
    """The server with these options that every adapter in this process uses."""
    key = f"{os.getpid()} {sorted(options.items())}"
    with _lock:
        server = _shared.get(key)
        if server is None or not server.is_running:
            server = _shared[key] = Server(**options)
        return server
