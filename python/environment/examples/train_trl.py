# SPDX-License-Identifier: Apache-2.0
"""GRPO with TRL on the Chain-of-Edits environment.

    pip install "chain-of-edits-environment[trl]"
    python train_trl.py --model HuggingFaceTB/SmolLM2-135M-Instruct

Each rollout is a whole episode; what the model wrote and what the environment answered is one sequence of tokens, and
`env_mask` keeps the loss on the model's own. `--tiny` trains a model of 0.2M parameters that needs no download.
"""

import argparse
import functools
import os

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")

import torch
from chain_of_edits_environment import episode_reward, rollout_func
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--server", help="the URL of a server that runs already; one is started when not given")
parser.add_argument("--tool", default="python")
parser.add_argument("--model", default="HuggingFaceTB/SmolLM2-135M-Instruct")
parser.add_argument("--tiny", action="store_true", help="a model of 0.2M parameters that needs no download")
parser.add_argument("--steps", type=int, default=2)
parser.add_argument("--generations", type=int, default=4, help="episodes of one task")
parser.add_argument("--turns", type=int, default=3)
parser.add_argument("--tokens", type=int, default=32, help="the most tokens of one command")
parser.add_argument("--out", default="runs/trl")
arguments = parser.parse_args()

if arguments.tiny:
    import tiny

    tokenizer = tiny.tokenizer()
    model = tiny.model(tokenizer, ["### EXIT", "### DELL 1", "### EXIT 5", "### DEL"])
else:
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    model = AutoModelForCausalLM.from_pretrained(arguments.model)

options = {"server": arguments.server} if arguments.server else {"tool": arguments.tool, "prompt": "brief"}
trainer = GRPOTrainer(
    model=model, processing_class=tokenizer, reward_funcs=episode_reward,
    rollout_func=functools.partial(rollout_func, turns=arguments.turns, tokens=arguments.tokens, **options),
    train_dataset=Dataset.from_dict({"prompt": [str(seed) for seed in range(1000)]}),
    args=GRPOConfig(
        output_dir=arguments.out, max_steps=arguments.steps, num_generations=arguments.generations,
        per_device_train_batch_size=arguments.generations, max_completion_length=4096, learning_rate=1e-5,
        temperature=1.0, logging_steps=1, save_strategy="no", report_to=[], use_cpu=not torch.cuda.is_available(),
        bf16=False, gradient_checkpointing=False, disable_tqdm=True,
    ),
)
before = {name: value.detach().clone() for name, value in trainer.model.named_parameters()}
trainer.train()
changed = sum(not torch.equal(before[name], value) for name, value in trainer.model.named_parameters())
print(f"{trainer.state.global_step} steps, {changed} of {len(before)} tensors changed")
