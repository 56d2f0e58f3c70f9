# SPDX-License-Identifier: Apache-2.0
"""The environment as one of Gymnasium: commands in, the tool's state and feedback out, as text."""

from __future__ import annotations

import string
from typing import Any

import gymnasium

from .client import Observation, Session
from .server import Server


class AnyText(gymnasium.spaces.Space[str]):
    """Every string. Gymnasium's own `Text` needs a list of all characters, and programs may hold any."""

    def __init__(self, seed: int | None = None):
        super().__init__(shape=None, dtype=None, seed=seed)

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        length = int(self.np_random.integers(1, 40))
        return "".join(self.np_random.choice(list(string.printable), size=length))

    def contains(self, x: Any) -> bool:
        return isinstance(x, str)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AnyText)

    def __repr__(self) -> str:
        return "AnyText()"


class ChainOfEditsGymEnv(gymnasium.Env[dict[str, str], str]):
    """One session of the environment.

    An action is a command, as a model writes it. An observation is a dictionary of `prompt` (the conversation's last
    message to the model), `state` (for the tool `python` the program) and `feedback`. `info["observation"]` holds the
    whole typed `Observation`.

    Args:
        server: A `Server` or the URL of one; None starts one, with `options` as `Server` takes them.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"]}

    def __init__(self, server: Server | str | None = None, render_mode: str | None = None, **options: Any):
        self.render_mode = render_mode
        self.action_space = AnyText()
        self.observation_space = gymnasium.spaces.Dict(  # type: ignore[assignment]
            {"prompt": AnyText(), "state": AnyText(), "feedback": AnyText()}
        )
        self._session = Session(server, **options)
        self._last = Observation()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """`options` may hold `task_id` or a whole `task`, as `Session.reset` takes them."""
        super().reset(seed=seed)
        # Without a seed the task follows from the generator that the last seed set, as in other environments.
        drawn = int(self.np_random.integers(2**31)) if seed is None else seed
        chosen = dict(options or {})
        if not {"task", "task_id"} & chosen.keys():
            chosen = {"seed": drawn} | chosen
        # Gymnasium asks for equal information after equal seeds.
        chosen.setdefault("episode_id", str(drawn))
        return self._shown(self._session.reset(**chosen).observation)

    def step(self, action: str) -> tuple[dict[str, str], float, bool, bool, dict[str, Any]]:
        result = self._session.step(action)
        shown, info = self._shown(result.observation)
        is_cut = result.done and result.observation.exit == "turnLimit"
        return shown, float(result.reward or 0), result.done and not is_cut, is_cut, info

    def render(self) -> str | None:  # type: ignore[override]
        if self.render_mode != "ansi":
            return None
        return f"{self._last.state.rstrip()}\n***\n{self._last.feedback}\n"

    def close(self) -> None:
        self._session.close()

    def _shown(self, observation: Observation) -> tuple[dict[str, str], dict[str, Any]]:
        self._last = observation
        prompt = observation.messages[-1]["content"] if observation.messages else ""
        shown = {"prompt": prompt, "state": observation.state, "feedback": observation.feedback}
        return shown, {"observation": observation}
