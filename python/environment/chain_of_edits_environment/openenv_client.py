# SPDX-License-Identifier: Apache-2.0
"""The client of OpenEnv, whose server may start itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from openenv.core.client_types import StepResult
from openenv.core.containers.runtime import RuntimeProvider
from openenv.core.env_client import EnvClient

from .client import Observation
from .server import Server


@dataclass
class Action:
    """One command, as the model wrote it."""

    command: str


class LocalProvider(RuntimeProvider):
    """Starts `coe-environment` for one client and ends it with the client. It takes the options of `Server`."""

    def __init__(self, **options: Any):
        self._options = options
        self._server: Server | None = None

    def start(self, port: int | None = None, env_vars: dict[str, str] | None = None, **_: Any) -> str:
        self._server = Server(**self._options)
        return self._server.url

    def stop(self) -> None:
        if self._server:
            self._server.close()
            self._server = None

    def wait_for_ready(self, timeout_s: float = 30.0) -> None:
        """`start` returns when the server answers."""


class ChainOfEditsEnv(EnvClient[Action, Observation, dict[str, Any]]):
    """The environment over OpenEnv's WebSocket; one client is one session.

    Without `base_url` the client starts a server of its own, with the options of `Server`:

        with ChainOfEditsEnv(tool="countdown").sync() as env:
            result = env.reset(seed=1)
            result = env.step(Action("### EXIT"))
    """

    def __init__(
        self, base_url: str | None = None, *, tool: str | None = None, set: str | None = None,
        server_options: dict[str, Any] | None = None, **client_options: Any,
    ):
        options = {"tool": tool, "set": set} | (server_options or {})
        if base_url is None:
            client_options.setdefault("provider", LocalProvider(**options))
        elif any(value is not None for value in options.values()):
            raise ValueError("tool, set and server_options are for a server that the client starts; base_url names one.")
        super().__init__(base_url=base_url, **client_options)

    def _step_payload(self, action: Action | str) -> dict[str, Any]:
        return {"command": action if isinstance(action, str) else action.command}

    def _parse_result(self, payload: dict[str, Any]) -> StepResult[Observation]:
        return StepResult(
            observation=Observation.decoded(payload.get("observation") or {}), reward=payload.get("reward"),
            done=bool(payload.get("done")),
        )

    def _parse_state(self, payload: dict[str, Any]) -> dict[str, Any]:
        return payload
