"""Writes Tests/Fixtures/tensors: one tensor in every GGUF format that the reader knows, from seeded random blocks, and
what the reference (the `gguf` package's dequantize) makes of it.

    pip install gguf safetensors numpy && python Tests/Fixtures/make_tensors.py
"""
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Q
from gguf.quants import dequantize
from safetensors.numpy import save_file

folder = Path(__file__).parent / "tensors"
random = np.random.default_rng(1)


def blocks(kind: Q, rows: int, columns: int) -> np.ndarray:
    """Random bytes with sane half-precision scales at the places where the format has them."""
    length, size = gguf.GGML_QUANT_SIZES[kind]
    raw = random.integers(0, 256, (rows * columns // length, size), dtype=np.uint8)
    scales = {Q.Q4_1: [0, 2], Q.Q5_0: [0], Q.Q8_0: [0], Q.Q4_K: [0, 2], Q.Q6_K: [208]}[kind]
    for at in scales:
        values = (random.standard_normal(len(raw)) * 0.1).astype(np.float16)
        raw[:, at:at + 2] = values.view(np.uint8).reshape(-1, 2)
    return raw.reshape(rows, -1)


writer = gguf.GGUFWriter(folder / "formats.gguf", "llama")
writer.add_string("test.string", "a line\nwith \u00fcmlauts")
writer.add_array("test.strings", ["one", "", "three"])
writer.add_array("test.integers", [1, -2, 3])
writer.add_float32("test.number", 0.5)
writer.add_bool("test.bool", True)
expected = {}
rows, columns = 3, 512
for kind in [Q.Q4_1, Q.Q5_0, Q.Q8_0, Q.Q4_K, Q.Q6_K]:
    data = blocks(kind, rows, columns)
    writer.add_tensor(kind.name, data, raw_dtype=kind)
    expected[kind.name] = dequantize(data, kind).reshape(rows, columns).astype(np.float32)
for name, dtype in [("F32", np.float32), ("F16", np.float16)]:
    data = random.standard_normal((rows, 5)).astype(dtype)
    writer.add_tensor(name, data)
    expected[name] = data.astype(np.float32)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
save_file(expected, folder / "expected.safetensors", metadata={"made by": "make_tensors.py"})
