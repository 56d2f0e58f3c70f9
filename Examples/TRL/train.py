"""GRPO with TRL on the Chain-of-Edits environment, over OpenEnv's own client.

    coe serve env --port 8000                      # in one terminal
    scripts/serving-clients train                  # once
    .venv-clients/bin/python Examples/TRL/train.py --env http://127.0.0.1:8000 --model HuggingFaceTB/SmolLM2-135M-Instruct

Each rollout is a whole episode over one WebSocket. What the model wrote and what the environment answered is one
sequence of tokens; `env_mask` keeps the loss on the model's own. `--tiny` trains a model of 0.2M parameters that
needs no download: it learned by heart to write a few commands, good and bad, so that episodes differ in their reward and
there is something to learn from.
"""

import argparse
import asyncio
import os

import torch
from datasets import Dataset
from openenv import GenericEnvClient
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM
from trl import GRPOConfig, GRPOTrainer

parser = argparse.ArgumentParser()
parser.add_argument("--env", default="http://127.0.0.1:8000")
parser.add_argument("--model", default="HuggingFaceTB/SmolLM2-135M-Instruct")
parser.add_argument("--tiny", action="store_true", help="a model of 0.2M parameters that needs no download")
parser.add_argument("--steps", type=int, default=2)
parser.add_argument("--generations", type=int, default=4, help="episodes of one task")
parser.add_argument("--turns", type=int, default=3)
parser.add_argument("--tokens", type=int, default=32, help="the most tokens of one command")
parser.add_argument("--out", default="runs/trl")
arguments = parser.parse_args()
token = os.environ.get("COE_TOKEN")
headers = {"Authorization": f"Bearer {token}"} if token else None


def tiny():
    """Bytes as tokens, two layers, and four commands learned by heart."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|im_start|>", "<|im_end|>"]
    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(special + alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|im_end|>", additional_special_tokens=special
    )
    wrapped.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(wrapped), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=8192, eos_token_id=wrapped.eos_token_id,
        )
    )
    commands = ["### EXIT", "### DELL 1", "### EXIT 5", "### DEL"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(150):
        noise = torch.randint(2, len(wrapped), (8, 64)).tolist()
        rows = [
            noise[row] + wrapped(f"<|im_start|>assistant\n{commands[row % 4]}<|im_end|>")["input_ids"] for row in range(8)
        ]
        batch = wrapped.pad({"input_ids": rows}, return_tensors="pt", padding_side="right")
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        labels[:, : 64 + len("assistant") + 2] = -100
        model(**batch, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model, wrapped


if arguments.tiny:
    model, tokenizer = tiny()
else:
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    model = AutoModelForCausalLM.from_pretrained(arguments.model)


def ids(messages, beginning):
    """What the messages add to the context, with the opening of the next answer."""
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    if not beginning:
        # Some templates put a system message of their own before the first turn.
        text = text[text.index("<|im_start|>user") :]
        text = "\n" + text
    return tokenizer(text, add_special_tokens=False)["input_ids"]


@torch.no_grad()
def write(context, trainer):
    """One command: its ids, and their log-probabilities under the distribution they were drawn from."""
    policy = trainer.accelerator.unwrap_model(trainer.model)
    output = policy.generate(
        torch.tensor([context], device=policy.device), max_new_tokens=arguments.tokens, do_sample=True,
        temperature=trainer.args.temperature, top_k=0, top_p=1.0, return_dict_in_generate=True, output_logits=True,
        pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id,
    )
    new = output.sequences[0, len(context) :].tolist()
    rows = torch.cat(output.logits).float() / trainer.args.temperature
    chosen = rows.log_softmax(-1)[range(len(new)), new].tolist()
    return new, chosen


async def episode(seed, trainer):
    async with GenericEnvClient(base_url=arguments.env, headers=headers) as env:
        result = await env.reset(seed=seed)
        prompt = ids(result.observation["messages"], True)
        completion, chances, mask = [], [], []
        for _ in range(arguments.turns):
            new, chosen = write(prompt + completion, trainer)
            completion += new
            chances += chosen
            mask += [1] * len(new)
            result = await env.step({"command": tokenizer.decode(new, skip_special_tokens=True)})
            if result.done:
                break
            answer = ids(result.observation["messages"], False)
            completion += answer
            chances += [0.0] * len(answer)
            mask += [0] * len(answer)
        # What follows the last command was not read by the model.
        while mask and mask[-1] == 0:
            completion.pop(), chances.pop(), mask.pop()
        return prompt, completion, chances, mask, result.observation["total_reward"]


def rollouts(prompts, trainer):
    """The prompts name seeds; the copies of one prompt are one group of GRPO."""

    async def play():
        return [await episode(int(prompt), trainer) for prompt in prompts]

    columns = [list(column) for column in zip(*asyncio.run(play()))]
    return dict(zip(["prompt_ids", "completion_ids", "logprobs", "env_mask", "episode_reward"], columns))


def reward(completions, episode_reward, **_):
    return episode_reward


os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
trainer = GRPOTrainer(
    model=model, processing_class=tokenizer, reward_funcs=reward, rollout_func=rollouts,
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
