# SPDX-License-Identifier: Apache-2.0
"""The peer of `coe bench rl`: TRL's GRPOTrainer with PEFT, playing the same tasks on `coe serve env`.

    python scripts/bench-trl-grpo.py URL MODEL ADAPTER SEEDS GROUP TURNS TOKENS STEPS THREADS LEARNING_RATE

MODEL is a GGUF file or a Hugging Face folder, ADAPTER a PEFT folder, SEEDS the number of start states a step. All
episodes of a step advance together, one batch of `generate` a turn. Prints one JSON object as its last line.
"""
import asyncio
import json
import os
import resource
import sys
import tempfile
import time

import torch
from datasets import Dataset
from openenv import GenericEnvClient
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

url, path, adapter, groups, group, turns, tokens, steps, threads, rate = sys.argv[1:]
groups, group, turns, tokens, steps = map(int, (groups, group, turns, tokens, steps))
torch.set_num_threads(int(threads))
where = ({"pretrained_model_name_or_path": os.path.dirname(path), "gguf_file": os.path.basename(path)}
         if os.path.isfile(path) else {"pretrained_model_name_or_path": path})
tokenizer = AutoTokenizer.from_pretrained(**where, padding_side="left")
tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
model.is_quantized = False  # a GGUF's weights were unpacked; else the trainer refuses them
model = PeftModel.from_pretrained(model, adapter, is_trainable=True)
end = tokenizer.convert_tokens_to_ids("<|im_end|>")
times, rewards = [], []


def ids(text, beginning):
    text = f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
    return tokenizer(text if beginning else "\n" + text, add_special_tokens=False)["input_ids"]


@torch.no_grad()
def write(contexts, trainer):
    """One command for each context: ids and log-probabilities."""
    policy = trainer.accelerator.unwrap_model(trainer.model)
    batch = tokenizer.pad({"input_ids": contexts}, return_tensors="pt")
    output = policy.generate(
        **batch, max_new_tokens=tokens, do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
        return_dict_in_generate=True, output_logits=True, pad_token_id=tokenizer.pad_token_id, eos_token_id=end)
    width = batch["input_ids"].shape[1]
    rows = torch.stack(output.logits, 1).float().log_softmax(-1)
    written = []
    for row, sequence in enumerate(output.sequences[:, width:].tolist()):
        length = sequence.index(end) + 1 if end in sequence else len(sequence)
        new = sequence[:length]
        written.append((new, rows[row, range(length), new].tolist()))
    return written


async def play(seeds, trainer):
    clients = [GenericEnvClient(base_url=url) for _ in seeds]
    for client in clients:
        await client.connect()
    results = await asyncio.gather(*(c.reset(seed=s) for c, s in zip(clients, seeds)))
    prompts = [ids(r.observation["messages"][-1]["content"], True) for r in results]
    episodes = [{"prompt": p, "ids": [], "logprobs": [], "mask": [], "done": False} for p in prompts]
    for _ in range(turns):
        active = [i for i, e in enumerate(episodes) if not e["done"]]
        if not active:
            break
        written = write([episodes[i]["prompt"] + episodes[i]["ids"] for i in active], trainer)
        commands = [tokenizer.decode(new, skip_special_tokens=True) for new, _ in written]
        answers = await asyncio.gather(*(clients[i].step({"command": c}) for i, c in zip(active, commands)))
        for i, (new, chances), answer in zip(active, written, answers):
            episode = episodes[i]
            episode["ids"] += new
            episode["logprobs"] += chances
            episode["mask"] += [1] * len(new)
            episode["reward"] = answer.observation["total_reward"]
            episode["done"] = answer.done
            if not answer.done:
                more = ids(answer.observation["messages"][-1]["content"], False)
                episode["ids"] += more
                episode["logprobs"] += [0.0] * len(more)
                episode["mask"] += [0] * len(more)
    for client in clients:
        await client.close()
    for episode in episodes:
        # What follows the last command was not read by the model.
        while episode["mask"] and episode["mask"][-1] == 0:
            for key in ("ids", "logprobs", "mask"):
                episode[key].pop()
    return episodes


def rollouts(prompts, trainer):
    times.append(time.perf_counter())
    episodes = asyncio.run(play([int(p) for p in prompts], trainer))
    rewards.append(sum(e["reward"] for e in episodes) / len(episodes))
    keys = {"prompt_ids": "prompt", "completion_ids": "ids", "logprobs": "logprobs", "env_mask": "mask",
            "episode_reward": "reward"}
    return {name: [e[key] for e in episodes] for name, key in keys.items()}


def reward(completions, episode_reward, **_):
    return episode_reward


os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
with tempfile.TemporaryDirectory() as out:
    trainer = GRPOTrainer(
        model=model, processing_class=tokenizer, reward_funcs=reward, rollout_func=rollouts,
        train_dataset=Dataset.from_dict({"prompt": [str(seed) for seed in range(groups * steps)]}),
        args=GRPOConfig(
            output_dir=out, max_steps=steps, num_generations=group, per_device_train_batch_size=group * groups,
            max_completion_length=4096, learning_rate=float(rate), temperature=1.0, beta=0.0, logging_steps=1,
            save_strategy="no", report_to=[], use_cpu=True, bf16=False, gradient_checkpointing=False,
            disable_tqdm=True))
    trainer.train()
times.append(time.perf_counter())
# The first step warms up and is not counted.
seconds = [b - a for a, b in zip(times, times[1:])][1:]
mean = sum(seconds) / len(seconds)
print(json.dumps({
    "trainer": "TRL", "precision": "float32", "secondsPerStep": mean, "episodesPerHour": groups * group / mean * 3600,
    "peakMemoryMB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    "reward": sum(rewards) / len(rewards)}))
