# SPDX-License-Identifier: Apache-2.0
"""The environment for verifiers: `vf.load_environment("chain-of-edits-environment", tool="countdown")`."""

from __future__ import annotations

import asyncio
from typing import Any

import verifiers as vf
from datasets import Dataset

from .client import Observation, Session
from .server import Server, shared_server


class ChainOfEditsVerifiersEnv(vf.MultiTurnEnv):
    """Each rollout is one session of the server; a model's message is a command."""

    def __init__(self, server: Server | str, **options: Any):
        super().__init__(**options)
        self._server = server

    async def setup_state(self, state: vf.State) -> vf.State:
        info = state["info"]
        session = await asyncio.to_thread(Session, self._server)
        state["session"] = session
        result = await asyncio.to_thread(session.reset, seed=info["seed"])
        state["observation"] = result.observation
        return state

    async def env_response(self, messages: vf.Messages, state: vf.State, **_: Any) -> vf.Messages:
        command = _text(messages[-1])
        result = await asyncio.to_thread(state["session"].step, command)
        state["observation"] = result.observation
        answer = [dict(message) for message in result.observation.messages]
        if result.done:
            # verifiers ends the rollout with these messages, and asks the model nothing more.
            state["final_env_response"] = answer or [{"role": "user", "content": result.observation.feedback}]
        return answer

    @vf.cleanup
    async def close_session(self, state: vf.State) -> None:
        session = state.pop("session", None)
        if session is not None:
            await asyncio.to_thread(session.close)


def _text(message: Any) -> str:
    content = message.get("content") if isinstance(message, dict) else message.content
    if isinstance(content, str):
        return content
    parts = [part if isinstance(part, dict) else part.model_dump() for part in content or []]
    return "".join(part.get("text", "") for part in parts)


async def total_reward(state: vf.State) -> float:
    """The rewards of the episode's turns together."""
    observation: Observation | None = state.get("observation")
    return float(observation.total_reward) if observation else 0.0


async def solved(state: vf.State) -> float:
    """Whether the final state passes everything, hidden tests too."""
    observation: Observation | None = state.get("observation")
    return float(bool(observation and observation.solved))


def load_environment(
    tool: str | None = None, set: str | None = None, *, tasks: int = 100, eval_tasks: int = 20, turns: int | None = None,
    seed: int = 0, server: str | None = None, **options: Any,
) -> vf.Environment:
    """The environment as verifiers loads it.

    Args:
        tool, set, turns: as `Server` takes them.
        tasks: Rows of the training set; each is the task of one seed.
        eval_tasks: Rows of the evaluation set, of other seeds.
        seed: The first seed.
        server: The URL of a server that runs already.
    """
    where = server or shared_server(tool=tool, set=set, turns=turns).url

    def rows(first: int, count: int) -> Dataset:
        with Session(where) as session:
            made = []
            for number in range(first, first + count):
                observation = session.reset(seed=number).observation
                made.append({
                    "prompt": [dict(message) for message in observation.messages], "answer": "",
                    "info": {"seed": number, "task_id": observation.task_id},
                })
        return Dataset.from_list(made)

    rubric = vf.Rubric(funcs=[total_reward, solved], weights=[1.0, 0.0])
    return ChainOfEditsVerifiersEnv(
        where, dataset=rows(seed, tasks), eval_dataset=rows(seed + tasks, eval_tasks), rubric=rubric, **options
    )
