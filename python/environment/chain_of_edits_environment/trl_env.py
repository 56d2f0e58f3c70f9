# SPDX-License-Identifier: Apache-2.0
"""The environment for TRL's `GRPOTrainer`, in its two forms.

`environment_factory`: the model calls a tool, `run_command`; its chat template must know tools.

    GRPOTrainer(model, environment_factory=environment_factory, train_dataset=Dataset.from_dict({"seed": range(1000)}), …)

`rollout_func`: the model writes the command and nothing else, as `coe` does it; small models learn this form. A prompt is
a seed ("17") or the name of a task. The reward comes in the column `episode_reward`.

    GRPOTrainer(model, rollout_func=rollout_func, reward_funcs=episode_reward, …)

Options go in by `functools.partial`: `partial(rollout_func, tool="countdown", turns=8)`. All rollouts of this process
share one server.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

from .client import Message, Observation, Session
from .server import Server, shared_server


class TRLEnvironment:
    """One rollout's environment, as TRL's `environment_factory` makes it: `reset`, a tool, a reward."""

    def __init__(self, server: Server | str | None = None, **options: Any):
        self._session = Session(server or shared_server(**options))
        self._last = Observation()

    def reset(
        self, seed: int | None = None, task_id: str | None = None, task: dict[str, Any] | None = None, **_: Any
    ) -> str:
        """Begins the episode of a dataset's row: of its `seed`, its `task_id` or its `task`."""
        self._last = self._session.reset(seed=seed, task_id=task_id, task=task).observation
        return "\n\n".join(message["content"] for message in self._last.messages)

    def run_command(self, command: str) -> str:
        """Carries out one command of the tool and tells what changed and what still fails.

        Args:
            command: The command, exactly as it is written, such as `### DELL 3`.
        """
        if self._last.exit is not None:
            return f"The episode is over ({self._last.exit})."
        self._last = self._session.step(command).observation
        said = "\n".join(message["content"] for message in self._last.messages)
        return said or self._last.error or self._last.feedback

    def get_reward(self) -> float:
        """The rewards of the episode's turns together."""
        return float(self._last.total_reward)


def environment_factory(server: Server | str | None = None, **options: Any) -> TRLEnvironment:
    """A new environment; pass the function itself to `GRPOTrainer`. `options` are those of `Server`."""
    return TRLEnvironment(server, **options)


def episode_reward(completions: list[Any], episode_reward: list[float], **_: Any) -> list[float]:
    """The reward function that goes with `rollout_func`."""
    return episode_reward


class _Rollout:
    """One episode and its tokens: what the model wrote has the mask 1."""

    def __init__(self, prompt: Any, session: Session, tokenizer: Any):
        self.session, self.tokenizer = session, tokenizer
        text = prompt if isinstance(prompt, str) else prompt[-1]["content"]
        task = {"seed": int(text)} if text.strip().isdigit() else {"task_id": text.strip()}
        self.last = session.reset(**task)
        self.messages: list[Message] = list(self.last.observation.messages)
        opening = tokenizer.apply_chat_template(self.messages, tokenize=False, add_generation_prompt=True)
        self.prompt_ids: list[int] = tokenizer(opening, add_special_tokens=False)["input_ids"]
        self.ids: list[int] = []
        self.logprobs: list[float] = []
        self.mask: list[int] = []

    def take(self, ids: list[int], logprobs: list[float]) -> None:
        """The model's tokens: a command."""
        self.ids += ids
        self.logprobs += logprobs
        self.mask += [1] * len(ids)
        command = self.tokenizer.decode(ids, skip_special_tokens=True)
        self.last = self.session.step(command)
        if not self.last.done:
            ended = bool(ids) and ids[-1] == self.tokenizer.eos_token_id
            self._answer(command, self.last.observation.messages, ended)

    def _answer(self, command: str, answer: list[Message], ended: bool) -> None:
        """The tokens between the command and the next: its end where the model did not write it, and the answer."""
        mark = "COMMAND-OF-THE-MODEL"
        before = self.tokenizer.apply_chat_template(
            [*self.messages, {"role": "assistant", "content": mark}], tokenize=False
        )
        after = self.tokenizer.apply_chat_template(
            [*self.messages, {"role": "assistant", "content": mark}, *answer], tokenize=False, add_generation_prompt=True
        )
        if not after.startswith(before):
            raise ValueError("The chat template changes earlier turns, so the episode is no one sequence of tokens.")
        text = after[after.rindex(mark) + len(mark) :]
        eos = self.tokenizer.eos_token
        if ended and eos and text.startswith(eos):
            text = text[len(eos) :]
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        self.messages += [{"role": "assistant", "content": command}, *answer]
        self.ids += ids
        self.logprobs += [0.0] * len(ids)
        self.mask += [0] * len(ids)


@torch.no_grad()
def _write(trainer: Any, contexts: list[list[int]], tokens: int) -> list[tuple[list[int], list[float]]]:
    """One answer to each context: its ids, and their log-probabilities under the distribution they were drawn from."""
    tokenizer = trainer.processing_class
    policy = trainer.accelerator.unwrap_model(trainer.model)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    width = max(map(len, contexts))
    ids = torch.tensor([[pad] * (width - len(context)) + context for context in contexts], device=policy.device)
    mask = torch.tensor([[0] * (width - len(c)) + [1] * len(c) for c in contexts], device=policy.device)
    was_training = policy.training
    policy.eval()
    output = policy.generate(
        ids, attention_mask=mask, max_new_tokens=tokens, do_sample=True, temperature=trainer.args.temperature, top_k=0,
        top_p=1.0, return_dict_in_generate=True, output_logits=True, pad_token_id=pad,
        eos_token_id=tokenizer.eos_token_id,
    )
    policy.train(was_training)
    rows = torch.stack(output.logits, 1).float() / trainer.args.temperature  # [rollout, token, vocabulary]
    answers = []
    for row, new in enumerate(output.sequences[:, width:].tolist()):
        end = new.index(tokenizer.eos_token_id) + 1 if tokenizer.eos_token_id in new else len(new)
        chances = rows[row, :end].log_softmax(-1)[range(end), new[:end]].tolist()
        answers.append((new[:end], chances))
    return answers


def rollout_func(
    prompts: list[Any], trainer: Any, *, server: Server | str | None = None, turns: int = 10, tokens: int = 64,
    **options: Any,
) -> dict[str, list[Any]]:
    """Plays one episode for each prompt, all side by side.

    Args:
        turns: The most commands of an episode.
        tokens: The most tokens of one command.
        server: A `Server` or a URL; the shared one with `options` when not given.
    """
    where = server or shared_server(**options)
    rollouts = [_Rollout(prompt, Session(where), trainer.processing_class) for prompt in prompts]
    try:
        with ThreadPoolExecutor(max_workers=len(rollouts)) as pool:
            for _ in range(turns):
                playing = [rollout for rollout in rollouts if not rollout.last.done]
                if not playing:
                    break
                answers = _write(trainer, [rollout.prompt_ids + rollout.ids for rollout in playing], tokens)
                list(pool.map(lambda pair: pair[0].take(*pair[1]), zip(playing, answers)))
    finally:
        for rollout in rollouts:
            rollout.session.close()
    for rollout in rollouts:
        # The model has not read what follows its last command.
        end = len(rollout.mask) - rollout.mask[::-1].index(1) if 1 in rollout.mask else 0
        for column in (rollout.ids, rollout.logprobs, rollout.mask):
            del column[end:]
    return {
        "prompt_ids": [rollout.prompt_ids for rollout in rollouts],
        "completion_ids": [rollout.ids for rollout in rollouts],
        "logprobs": [rollout.logprobs for rollout in rollouts],
        "env_mask": [rollout.mask for rollout in rollouts],
        "episode_reward": [float(rollout.last.observation.total_reward) for rollout in rollouts],
        "solved": [bool(rollout.last.observation.solved) for rollout in rollouts],
    }
