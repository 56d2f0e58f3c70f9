"""Writes Tests/Fixtures/interop: what Transformers and PEFT compute for features that were once read wrong in silence.

    pip install torch transformers peft gguf && python Tests/Fixtures/make_interop.py

- biased: a Llama with biases everywhere (folder, and GGUF as llama.cpp's converter names it).
- rope: config.json's RoPE settings for models/tiny-llama3 (linear and yarn), each with its logits.
- ADAPTER folders for models/tiny-llama3 (tied embeddings) and models/tiny-qwen2 (untied): rank_pattern, alpha_pattern,
  rsLoRA with both, DoRA, and modules_to_save.
The logits of 24 tokens are in expected.safetensors, the RoPE settings in rope.json.
"""
import json
import shutil
from pathlib import Path

import gguf
import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

here = Path(__file__).parent
folder = here / "interop"
models = here / "models"
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir()
torch.manual_seed(3)
torch.set_num_threads(1)
ids = torch.randint(0, 320, (1, 24))
expected = {"ids": ids[0]}


def logits(model):
    with torch.no_grad():
        return model.eval()(ids).logits[0].float().contiguous()


# --- biases ---
config = LlamaConfig(
    hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1, head_dim=16,
    vocab_size=320, max_position_embeddings=512, attention_bias=True, mlp_bias=True, tie_word_embeddings=True)
model = LlamaForCausalLM(config)
for name, parameter in model.named_parameters():
    parameter.data = parameter.data * 3 if parameter.ndim == 2 else parameter.data + 0.3 * torch.randn_like(parameter)
model.to(torch.float16).save_pretrained(folder / "biased")
model = AutoModelForCausalLM.from_pretrained(folder / "biased", dtype=torch.float32)
expected["biased"] = logits(model)


def permuted(weight, heads):
    """As convert_hf_to_gguf.py does it for Llama's queries and keys."""
    shape = weight.shape
    return weight.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


writer = gguf.GGUFWriter(folder / "biased.gguf", "llama")
writer.add_context_length(512)
writer.add_embedding_length(32)
writer.add_block_count(1)
writer.add_feed_forward_length(48)
writer.add_head_count(2)
writer.add_head_count_kv(1)
writer.add_key_length(16)
writer.add_value_length(16)
writer.add_rope_dimension_count(16)
writer.add_layer_norm_rms_eps(config.rms_norm_eps)
writer.add_rope_freq_base(10_000.0)
names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, 1)
for key, tensor in model.state_dict().items():
    if key == "lm_head.weight":
        continue
    data = tensor.numpy()
    if "q_proj" in key:
        data = permuted(data, 2)
    if "k_proj" in key:
        data = permuted(data, 1)
    writer.add_tensor(names.get_name(key, (".weight", ".bias")), data.astype(np.float32 if data.ndim == 1 else np.float16))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()

# --- RoPE ---
rope = {
    "linear": {"rope_type": "linear", "factor": 4.0},
    "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64},
    "yarn-all": {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 32, "beta_fast": 16.0,
                 "beta_slow": 2.0, "mscale": 0.7, "mscale_all_dim": 1.3, "truncate": False},
    "yarn-attention": {"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 256,
                       "attention_factor": 1.4},
}
for name, settings in rope.items():
    config = AutoConfig.from_pretrained(models / "tiny-llama3")
    config.rope_parameters = {**settings, "rope_theta": 10_000.0}
    expected[name] = logits(AutoModelForCausalLM.from_pretrained(models / "tiny-llama3", config=config, dtype=torch.float32))
(folder / "rope.json").write_text(json.dumps(rope, indent=2) + "\n")

# --- adapters ---
adapters = {
    "rank-pattern": ("tiny-llama3", dict(r=4, lora_alpha=6, rank_pattern={"v_proj": 2, "layers.1.self_attn.q_proj": 3})),
    "alpha-pattern": ("tiny-llama3", dict(r=4, lora_alpha=6, alpha_pattern={"v_proj": 40, ".*layers.0.*gate_proj": 1})),
    "rslora-patterns": ("tiny-llama3", dict(r=4, lora_alpha=6, use_rslora=True, rank_pattern={"k_proj": 9},
                                            alpha_pattern={"down_proj": 3})),
    "dora": ("tiny-llama3", dict(r=4, lora_alpha=6, use_dora=True)),
    "saved-head": ("tiny-qwen2", dict(r=2, lora_alpha=6, target_modules=["q_proj"], modules_to_save=["lm_head", "norm"])),
    "saved-head-tied": ("tiny-llama3", dict(r=2, lora_alpha=6, target_modules=["q_proj"], modules_to_save=["lm_head"])),
    "saved-embeddings-tied": ("tiny-llama3", dict(r=2, lora_alpha=6, target_modules=["q_proj"],
                                                  modules_to_save=["embed_tokens"])),
    "head-lora-tied": ("tiny-llama3", dict(r=2, lora_alpha=6, target_modules=["q_proj", "lm_head"])),
}
for name, (base, settings) in adapters.items():
    model = AutoModelForCausalLM.from_pretrained(models / base, dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(
        **{"target_modules": ["q_proj", "k_proj", "v_proj", "gate_proj", "down_proj"], "task_type": "CAUSAL_LM", **settings}))
    for key, parameter in model.named_parameters():
        if "magnitude" in key:
            parameter.data *= 1 + 0.3 * torch.rand_like(parameter)
        elif "lora_" in key:
            parameter.data = (0.2 * torch.randn_like(parameter)).half().float()
        elif "modules_to_save" in key:
            parameter.data = (parameter.data + 0.1 * torch.randn_like(parameter)).half().float()
    model.save_pretrained(folder / name, save_embedding_layers=False)
    (folder / name / "README.md").unlink(missing_ok=True)
    file = folder / name / "adapter_config.json"
    config = json.loads(file.read_text())
    config["base_model_name_or_path"] = base
    file.write_text(json.dumps({key: value for key, value in sorted(config.items())}, indent=2) + "\n")
    # As somebody else loads it.
    from peft import PeftModel
    fresh = AutoModelForCausalLM.from_pretrained(models / base, dtype=torch.float32)
    expected[name] = logits(PeftModel.from_pretrained(fresh, folder / name))
save_file(expected, folder / "expected.safetensors")
print({key: tuple(value.shape) for key, value in expected.items()})
