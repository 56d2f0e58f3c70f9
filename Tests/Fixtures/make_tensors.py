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


# Where a block has half-precision numbers.
SCALES = {
    Q.Q4_0: [0], Q.Q4_1: [0, 2], Q.Q5_0: [0], Q.Q5_1: [0, 2], Q.Q8_0: [0], Q.IQ4_NL: [0], Q.Q2_K: [80, 82],
    Q.Q3_K: [108], Q.Q4_K: [0, 2], Q.Q5_K: [0, 2], Q.Q6_K: [208], Q.IQ4_XS: [0],
}


def blocks(kind: Q, rows: int, columns: int) -> np.ndarray:
    """Random bytes with sane half-precision scales at the places where the format has them."""
    length, size = gguf.GGML_QUANT_SIZES[kind]
    raw = random.integers(0, 256, (rows * columns // length, size), dtype=np.uint8)
    scales = SCALES[kind]
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
for kind in SCALES:
    data = blocks(kind, rows, columns)
    writer.add_tensor(kind.name, data, raw_dtype=kind)
    expected[kind.name] = dequantize(data, kind).reshape(rows, columns).astype(np.float32)
for name, dtype in [("F32", np.float32), ("F16", np.float16)]:
    data = random.standard_normal((rows, 5)).astype(dtype)
    writer.add_tensor(name, data)
    expected[name] = data.astype(np.float32)
data = random.integers(0, 0x7F80, (rows, 10), dtype=np.uint16)  # all finite, denormal ones too
writer.add_tensor("BF16", data.view(np.uint8), raw_dtype=Q.BF16)
expected["BF16"] = dequantize(data.view(np.uint8), Q.BF16).reshape(rows, 10).astype(np.float32)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()

# A model in two files, as llama-gguf-split cuts it.
for number in range(2):
    part = gguf.GGUFWriter(folder / f"split-{number + 1:05d}-of-00002.gguf", "llama")
    part.add_uint16("split.no", number)
    part.add_uint16("split.count", 2)
    part.add_int32("split.tensors.count", 2)
    part.add_tensor(f"part{number}", np.full((2, 3), number, dtype=np.float32))
    part.write_header_to_file()
    part.write_kv_data_to_file()
    part.write_tensors_to_file()
    part.close()

save_file(expected, folder / "expected.safetensors", metadata={"made by": "make_tensors.py"})
