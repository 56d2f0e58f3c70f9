# SPDX-License-Identifier: Apache-2.0
"""A model of 0.2M parameters that needs no download."""

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tokenizer():
    """Bytes as tokens, with ChatML's marks."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|im_start|>", "<|im_end|>"]
    inner = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(special + alphabet)}, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<|im_end|>", pad_token="<|im_end|>", additional_special_tokens=special
    )
    wrapped.chat_template = TEMPLATE
    return wrapped


def model(tokenizer, commands, steps=120):
    """Two layers that learned by heart to write one of the commands after any prompt."""
    torch.manual_seed(0)
    made = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=8192,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    optimizer = torch.optim.AdamW(made.parameters(), lr=3e-3)
    for _ in range(steps):
        # As long as prompts are, so the commands come at their places too.
        length = int(torch.randint(60, 300, (1,)))
        rows = []
        for row in range(len(commands)):
            noise = torch.randint(2, len(tokenizer), (length,)).tolist()
            rows.append(noise + tokenizer(f"<|im_start|>assistant\n{commands[row]}<|im_end|>")["input_ids"])
        batch = tokenizer.pad({"input_ids": rows}, return_tensors="pt", padding_side="right")
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        labels[:, : length + len("assistant") + 2] = -100
        made(**batch, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return made
