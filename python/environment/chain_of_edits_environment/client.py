# SPDX-License-Identifier: Apache-2.0
"""A typed client of the environment, over HTTP, with the standard library alone."""

from __future__ import annotations

import http.client
import json
import os
from dataclasses import dataclass, field, fields
from typing import Any, TypedDict
from urllib.parse import urlsplit

from .server import Server


class RequestError(RuntimeError):
    """The server refused a request; the text is its own sentence."""


class Message(TypedDict):
    """One message of a conversation."""

    role: str
    content: str


@dataclass
class Observation:
    """The state of the episode after a reset or a command."""

    messages: list[Message] = field(default_factory=list)
    """What to add to the conversation: after a reset the whole prompt, then the answer to each command."""
    state: str = ""
    """The tool's state as text: for the tool `python` the program."""
    feedback: str = ""
    """What the tool says about the state, such as `test 1: got 3, want 4`."""
    error: str | None = None
    """Why the command could not be read or carried out, or that it changed nothing."""
    passed: bool = False
    """Whether the state passes what the player is shown."""
    solved: bool | None = None
    """Whether it passes hidden checks too; None until the end."""
    progress: float = 0
    """How near the goal is, from 0 to 1."""
    checks_passed: int = 0
    checks_total: int = 0
    turn: int = 0
    turns_left: int = 0
    exit: str | None = None
    """How the episode ended: exit, passed or turnLimit; None while it runs."""
    total_reward: float = 0
    """The sum of the rewards so far."""
    task_id: str = ""
    episode_id: str = ""
    tool: str = ""

    @classmethod
    def decoded(cls, values: dict[str, Any]) -> Observation:
        """From the server's JSON; fields of newer servers are ignored."""
        known = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


@dataclass
class Result:
    """An observation with the reward of the step that led to it."""

    observation: Observation
    reward: float | None
    done: bool


class Session:
    """One player's session; episodes are played in it one after the other.

    Args:
        server: A `Server`, the URL of one, or None for a server of its own, which ends with the session.
        token: The server's token; `$COE_TOKEN` when not given.
        options: What `Server` takes, for a server of its own.
    """

    def __init__(self, server: Server | str | None = None, *, token: str | None = None, **options: Any):
        self._own = Server(**options) if server is None else None
        place = self._own or server
        parts = urlsplit(place.url if isinstance(place, Server) else str(place))
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=120)
        self._path = parts.path.rstrip("/")
        token = token or os.environ.get("COE_TOKEN")
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            self._id: str = self._call("openenv/session/create")["session_id"]
        except BaseException:
            self._end()
            raise

    def reset(
        self, *, seed: int | None = None, task_id: str | None = None, task: dict[str, Any] | None = None, **more: Any
    ) -> Result:
        """Begins an episode: with the task of a seed, with a task by its name, or with a task of your own.

        A task of your own is a line of a task file, for example
        `{"id": "mine", "prompt": "Add.", "program": "def add(a, b):\\n    return a - b\\n", "tests": ["assert add(1, 2) == 3"]}`.
        """
        named = {"seed": seed, "task_id": task_id, "task": task}
        body = {name: value for name, value in named.items() if value is not None}
        return self._result("/reset", body | more)

    def step(self, command: str) -> Result:
        """One command, as the model wrote it."""
        return self._result("/step", {"action": {"command": command}})

    def tasks(self) -> list[str]:
        """The names of the server's tasks."""
        return self._request("GET", "/tasks")["tasks"]

    def close(self) -> None:
        """Ends the session, and the server where it is the session's own."""
        try:
            self._call("openenv/session/close", session_id=self._id)
        except (OSError, http.client.HTTPException, RequestError):
            pass
        self._end()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _end(self) -> None:
        self._connection.close()
        if self._own:
            self._own.close()

    def _result(self, path: str, body: dict[str, Any]) -> Result:
        answer = self._request("POST", path, body | {"session_id": self._id})
        return Result(Observation.decoded(answer["observation"]), answer["reward"], answer["done"])

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        answer = self._request("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
        if "error" in answer:
            raise RequestError(answer["error"]["message"])
        return answer["result"]

    def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body)
        try:
            self._connection.request(method, self._path + path, data, self._headers)
            response = self._connection.getresponse()
            text = response.read()
        except BaseException:
            # An answer that was not read must not be taken for the next one's.
            self._connection.close()
            raise
        if response.status >= 400:
            raise RequestError(_sentence(response.status, text))
        return json.loads(text)


def _sentence(status: int, text: bytes) -> str:
    """The server's words about a refused request."""
    try:
        detail = json.loads(text)["detail"]
    except (ValueError, KeyError, TypeError):
        return f"status {status}: {text.decode(errors='replace')[:500]}"
    if isinstance(detail, list):
        return "; ".join(str(entry.get("msg", entry)) if isinstance(entry, dict) else str(entry) for entry in detail)
    return str(detail)
