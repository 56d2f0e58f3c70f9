"""Writes Tests/Fixtures/models: what Transformers computes with the same weights, for the parity tests.

    pip install torch transformers gguf peft && python Tests/Fixtures/make_models.py [tiny] [real] [--only NAME] [--full FOLDER]

tiny: random Llama 3 (RoPE scaling, tied, sharded bfloat16), Qwen2 (untied, float32), Qwen3 and Gemma 3 (bfloat16)
      folders of a few hundred kilobytes, their logits, and a PEFT adapter for the Llama with the adapted logits. Of the
      last two also GGUF files, named and laid out as llama.cpp's converter does.
real: SmolLM2-135M, Qwen2.5-Coder-0.5B and Gemma 3 270M from ${COE_HOME:-~/.cache/coe}/models: logits of 200 tokens at
      256 random columns of the vocabulary, and 10 greedy continuations of 64 tokens. Inputs are random token ids; for
      Gemma the 200 are the last of 700, beyond its window of 512. A model whose file is not there is left as it is.
--full FOLDER: also writes all logits of the real models there (79, 122 and 210 MB, not for the repository).
"""
import os
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors.torch import save_file
from transformers import (AutoModelForCausalLM, Gemma3ForCausalLM, Gemma3TextConfig, LlamaConfig, LlamaForCausalLM,
                          Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM)

folder = Path(__file__).parent / "models"
folder.mkdir(exist_ok=True)
torch.manual_seed(1)


def shake(model):
    """Random norms and biases, which initialise to constants that would hide mistakes."""
    for name, parameter in model.named_parameters():
        if "norm" in name or "bias" in name:
            parameter.data += 0.3 * torch.randn_like(parameter)
        else:
            parameter.data *= 3
    return model


def tiny():
    common = dict(hidden_size=48, intermediate_size=80, num_hidden_layers=2, num_attention_heads=6,
                  num_key_value_heads=2, vocab_size=320, max_position_embeddings=512)
    rope = dict(rope_type="llama3", rope_theta=10000.0, factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0,
                original_max_position_embeddings=64)
    llama = shake(LlamaForCausalLM(LlamaConfig(**common, rope_parameters=rope, tie_word_embeddings=True, head_dim=16)))
    llama = llama.to(torch.bfloat16)
    llama.save_pretrained(folder / "tiny-llama3", max_shard_size="60KB")
    qwen = shake(Qwen2ForCausalLM(Qwen2Config(**common, tie_word_embeddings=False)))
    qwen.save_pretrained(folder / "tiny-qwen2")
    ids = torch.randint(0, 320, (1, 120))
    fixture = {"ids": ids[0]}
    with torch.no_grad():
        for name in ["tiny-llama3", "tiny-qwen2"]:
            model = AutoModelForCausalLM.from_pretrained(folder / name, dtype=torch.float32).eval()
            fixture[name] = model(ids).logits[0].contiguous()

    from peft import LoraConfig, get_peft_model
    model = AutoModelForCausalLM.from_pretrained(folder / "tiny-llama3", dtype=torch.float32).eval()
    model = get_peft_model(model, LoraConfig(r=4, lora_alpha=6, target_modules="all-linear", task_type="CAUSAL_LM"))
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = 0.2 * torch.randn_like(parameter)
    model.save_pretrained(folder / "tiny-adapter")
    (folder / "tiny-adapter" / "README.md").unlink(missing_ok=True)
    config = folder / "tiny-adapter" / "adapter_config.json"
    config.write_text(config.read_text().replace(str(folder / "tiny-llama3"), "tiny-llama3"))
    with torch.no_grad():
        fixture["tiny-adapter"] = model.eval()(ids).logits[0].contiguous()

    # Heads that are not a share of the hidden size; a window that the 120 tokens exceed, and both kinds of layers.
    qwen3 = shake(Qwen3ForCausalLM(Qwen3Config(**common, head_dim=16, tie_word_embeddings=False)))
    qwen3.to(torch.bfloat16).save_pretrained(folder / "tiny-qwen3")
    gemma = dict(common, num_hidden_layers=3, num_attention_heads=3, num_key_value_heads=1, head_dim=16)
    kinds = ["sliding_attention", "full_attention", "sliding_attention"]
    gemma = Gemma3TextConfig(**gemma, sliding_window=16, layer_types=kinds, query_pre_attn_scalar=20)
    shake(Gemma3ForCausalLM(gemma)).to(torch.bfloat16).save_pretrained(folder / "tiny-gemma3")
    with torch.no_grad():
        for name in ["tiny-qwen3", "tiny-gemma3"]:
            model = AutoModelForCausalLM.from_pretrained(folder / name, dtype=torch.float32).eval()
            fixture[name] = model(ids).logits[0].contiguous()
    write_gguf("tiny-qwen3", "qwen3")
    write_gguf("tiny-gemma3", "gemma3", slides=[True, False, True])
    save_file(fixture, folder / "tiny.safetensors")


def write_gguf(name, architecture, slides=None):
    """The tiny model in 16-bit floats; of Gemma's norms llama.cpp's converter stores 1 + weight."""
    model = AutoModelForCausalLM.from_pretrained(folder / name, dtype=torch.float32)
    config = model.config
    writer = gguf.GGUFWriter(folder / f"{name}.gguf", architecture)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    rope = config.rope_parameters
    writer.add_rope_freq_base(rope.get("full_attention", rope)["rope_theta"])
    if slides:
        writer.add_sliding_window(config.sliding_window)
        writer.add_array(f"{architecture}.attention.sliding_window_pattern", slides)
    arch = {v: k for k, v in gguf.MODEL_ARCH_NAMES.items()}[architecture]
    names = gguf.get_tensor_name_map(arch, config.num_hidden_layers)
    tied = config.tie_word_embeddings
    for key, tensor in model.state_dict().items():
        if key == "lm_head.weight" and tied:
            continue
        norm = "norm" in key
        data = tensor + 1 if norm and slides else tensor
        writer.add_tensor(names.get_name(key, (".weight",)), data.numpy().astype(np.float32 if norm else np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def real(full, only):
    home = Path(os.environ.get("COE_HOME", Path.home() / ".cache/coe")) / "models"
    for name in ["SmolLM2-135M-Instruct-Q4_1", "Qwen2.5-Coder-0.5B-Instruct-Q4_K_M", "gemma-3-270m-Q4_K_M"]:
        if not (home / f"{name}.gguf").exists() or (only and only != name):
            continue
        model = AutoModelForCausalLM.from_pretrained(home, gguf_file=f"{name}.gguf", dtype=torch.float32).eval()
        size = model.config.vocab_size
        generator = torch.Generator().manual_seed(2)
        ids = torch.randint(0, size - 300, (1, 700 if "gemma" in name else 200), generator=generator)
        columns = torch.randperm(size, generator=generator)[:256].sort().values
        prompts = torch.randint(0, size - 300, (10, 12), generator=generator)
        with torch.no_grad():
            logits = model(ids).logits[0, -200:]
            continuations = []
            for prompt in prompts:
                row = prompt[None]
                cache = None
                tokens = []
                for _ in range(64):
                    output = model(row, past_key_values=cache, use_cache=True)
                    cache = output.past_key_values
                    row = output.logits[:, -1].argmax(-1, keepdim=True)
                    tokens.append(row.item())
                continuations.append(tokens)
        save_file({"ids": ids[0], "columns": columns, "logits": logits[:, columns].contiguous(),
                   "scale": logits.abs().amax(-1), "prompts": prompts,
                   "continuations": torch.tensor(continuations)}, folder / f"{name}.safetensors")
        if full:
            save_file({"logits": logits.contiguous()}, Path(full) / f"{name}.safetensors")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    full = arguments[arguments.index("--full") + 1] if "--full" in arguments else None
    if "tiny" in arguments:
        tiny()
    if "real" in arguments:
        real(full, arguments[arguments.index("--only") + 1] if "--only" in arguments else None)
