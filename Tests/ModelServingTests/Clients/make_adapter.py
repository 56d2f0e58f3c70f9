"""Writes a random PEFT adapter for SmolLM2-135M, so that its answers are others: make_adapter.py FOLDER"""

import json
import pathlib
import random
import struct
import sys

RANK, SIZE, LAYERS = 4, 576, 30
folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
random.seed(1)
header, data = {}, b""
for layer in range(LAYERS):
    for name, shape in (("lora_A", [RANK, SIZE]), ("lora_B", [SIZE, RANK])):
        values = struct.pack(f"<{RANK * SIZE}f", *(random.gauss(0, 0.1) for _ in range(RANK * SIZE)))
        key = f"base_model.model.model.layers.{layer}.self_attn.q_proj.{name}.weight"
        header[key] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
head = json.dumps(header).encode()
(folder / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + data)
(folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": RANK, "lora_alpha": RANK}))
