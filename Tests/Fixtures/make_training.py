"""Writes Tests/Fixtures/training: losses and gradients of Transformers + PEFT for the tiny models, for the SFT tests.

    pip install torch transformers peft && python Tests/Fixtures/make_training.py

For each tiny model of make_models.py: an adapter on all linear layers with random matrices, three token sequences with
loss masks, the mean loss over the masked tokens, its gradient for every matrix of the adapter, and the losses of 20
steps of AdamW with clipping at norm 1 and a constant learning rate. Sequences are run one by one, so nothing is padded.
"""
import shutil
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

models = Path(__file__).parent / "models"
folder = Path(__file__).parent / "training"
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir()

for name in ["tiny-llama3", "tiny-qwen2", "tiny-qwen3", "tiny-gemma3"]:
    # From 2, Gemma comes to a step so ill-conditioned that Transformers differs from itself in 64 bits by 0.2 %.
    torch.manual_seed(4 if name == "tiny-gemma3" else 2)
    model = AutoModelForCausalLM.from_pretrained(models / name, dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM"))
    for key, parameter in model.named_parameters():
        if "lora_" in key:
            parameter.data = 0.1 * torch.randn_like(parameter)
    model.save_pretrained(folder / f"{name}-adapter")
    (folder / f"{name}-adapter" / "README.md").unlink(missing_ok=True)
    config = folder / f"{name}-adapter" / "adapter_config.json"
    config.write_text(config.read_text().replace(str(models / name), name))

    fixture = {}
    sequences = []
    for index, length in enumerate([40, 25, 33]):
        ids = torch.randint(0, 320, (length,))
        mask = torch.rand(length) < 0.4
        mask[0] = False
        sequences.append((ids, mask))
        fixture[f"ids.{index}"] = ids
        fixture[f"mask.{index}"] = mask.to(torch.uint8)

    def loss():
        total, count = 0, 0
        for ids, mask in sequences:
            chances = model(ids[None]).logits[0, :-1].log_softmax(-1)
            taken = chances.gather(1, ids[1:, None])[:, 0][mask[1:]]
            total, count = total - taken.sum(), count + taken.numel()
        return total / count

    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2, weight_decay=0.01)
    losses = []
    for step in range(20):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        if step == 0:
            for key, parameter in model.named_parameters():
                if "lora_" in key:
                    fixture["gradient." + key.replace(".default", "")] = parameter.grad.clone()
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
        optimizer.step()
        losses.append(value.item())
    fixture["losses"] = torch.tensor(losses)
    save_file(fixture, folder / f"{name}.safetensors")
    print(name, losses[0], losses[-1])
