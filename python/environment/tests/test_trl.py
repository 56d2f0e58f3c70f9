# SPDX-License-Identifier: Apache-2.0
import functools
import os

import pytest

pytest.importorskip("trl")
os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")

import torch  # noqa: E402
from datasets import Dataset  # noqa: E402
from tiny import model, tokenizer  # noqa: E402
from transformers.utils.chat_template_utils import get_json_schema  # noqa: E402
from trl import GRPOConfig, GRPOTrainer  # noqa: E402

from chain_of_edits_environment import environment_factory, episode_reward, rollout_func  # noqa: E402


def test_the_factorys_environment_is_one_tool_with_a_reward(task, fix):
    env = environment_factory()
    assert "Add." in env.reset(task=task, prompt="ignored")
    assert "line 99" in env.run_command("### DELL 99") or "99" in env.run_command("### DELL 99")
    assert "pass" in env.run_command(fix).lower() and env.get_reward() == 1
    assert "over" in env.run_command("### EXIT") and env.get_reward() == 1
    assert "Add." in env.reset(task=task) and env.get_reward() == 0
    schema = get_json_schema(env.run_command)
    assert schema["function"]["parameters"]["required"] == ["command"]


def configuration(folder):
    return GRPOConfig(
        output_dir=str(folder), max_steps=2, num_generations=8, per_device_train_batch_size=8,
        max_completion_length=4096, learning_rate=1e-4, temperature=1.0, logging_steps=1, save_strategy="no",
        report_to=[], use_cpu=True, bf16=False, gradient_checkpointing=False, disable_tqdm=True,
    )


def test_grpo_takes_two_steps_with_the_rollout_function(task_file, fix, tmp_path):
    tokens = tokenizer()
    policy = model(tokens, [fix, "### EXIT", "### EXIT 5", "### DEL"])
    trainer = GRPOTrainer(
        model=policy, processing_class=tokens, reward_funcs=episode_reward,
        rollout_func=functools.partial(rollout_func, set=task_file, prompt="brief", turns=3, tokens=32),
        train_dataset=Dataset.from_dict({"prompt": [str(seed) for seed in range(16)]}), args=configuration(tmp_path),
    )
    before = [value.detach().clone() for value in trainer.model.parameters()]
    trainer.train()
    assert trainer.state.global_step == 2
    assert any(not torch.equal(old, new) for old, new in zip(before, trainer.model.parameters()))
    # Commands that repair, give up and can't be read: episodes differ, so there is something to learn.
    rewards = [entry["reward"] for entry in trainer.state.log_history if "reward" in entry]
    assert len(rewards) == 2 and all(-2 <= reward <= 1 for reward in rewards)


def test_a_rollouts_columns_have_one_length_and_the_masked_text_is_the_commands(task_file, fix, tmp_path):
    tokens = tokenizer()
    policy = model(tokens, [fix, "### DELL 1"])
    trainer = GRPOTrainer(
        model=policy, processing_class=tokens, reward_funcs=episode_reward, rollout_func=rollout_func,
        train_dataset=Dataset.from_dict({"prompt": ["0"]}), args=configuration(tmp_path),
    )
    out = rollout_func(["0", "1", "one", "two"], trainer, set=task_file, prompt="brief", turns=4, tokens=32)
    for ids, chances, mask, reward in zip(
        out["completion_ids"], out["logprobs"], out["env_mask"], out["episode_reward"]
    ):
        assert len(ids) == len(chances) == len(mask) and mask[0] == mask[-1] == 1
        assert all(chance <= 0 for chance in chances) and -2.5 <= reward <= 1
    # One sequence: prompt and completion are what the chat template makes of the whole conversation.
    whole = tokens.decode(out["prompt_ids"][0] + out["completion_ids"][0])
    assert whole.startswith("<|im_start|>user") and whole.count("<|im_start|>assistant\n") >= 1
    first = [i for i, m in zip(out["completion_ids"][0], out["env_mask"][0]) if m]
    assert tokens.decode(first).startswith("###")
