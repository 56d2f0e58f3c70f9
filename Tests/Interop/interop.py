"""Compares coe with the tools whose files and clients it takes, on what other tools' bug reports taught.

    scripts/interop COE [OUT.md]

Each line of the table is one kind: what the reference computes, what coe gives, and how they go together: `same`, or
`refused` where coe says in a sentence that it does not do it. `WRONG` is another result without a word; then the exit
code is 1.
"""

import copy
import json
import os
import re
import shutil
import sys
import tempfile

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Q
from gguf import quants
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from tokenizers import normalizers, pre_tokenizers, processors
from transformers import AutoModelForCausalLM, AutoTokenizer

from kit import *

COE = os.path.abspath(sys.argv[1])
OUT = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None
rows = []


def short(value):
    """A value as a cell: a greedy answer as its ids, a sentence without this machine's paths."""
    text = " ".join(map(str, value[0])) if isinstance(value, tuple) else str(value)
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text).replace(os.getcwd() + "/", "").replace("\n", " ")
    text = text if len(text) <= 220 else text[:220] + "…"
    return "".join(c if c.isprintable() else "\ufffd" for c in text).replace("|", "\\|")


def row(kind, theirs, ours, same):
    refused = isinstance(ours, str) and "without a word" not in ours
    verdict = "same" if same else "refused" if refused else "WRONG"
    rows.append((kind, short(theirs), short(ours), verdict))
    print(f"{verdict:8} {kind}: {short(ours)}", flush=True)


IDS = [3, 40, 17, 120, 260, 9, 77, 301]


def compare(kind, reference, *arguments, model=None):
    """Greedy answers of Transformers and of a server; a reference that is a sentence cannot be computed there."""
    theirs = greedy(reference, IDS) if isinstance(reference, torch.nn.Module) else reference
    with Server(COE, *arguments) as server:
        ours = server.refusal or server.greedy(IDS, model=model)
    same = (
        isinstance(ours, tuple)
        and isinstance(theirs, tuple)
        and ours[0] == theirs[0]
        and all(abs(a - b) < 2e-3 for a, b in zip(ours[1], theirs[1]))
    )
    row(kind, theirs, ours, same)


def copied(name, source="base"):
    shutil.rmtree(name, ignore_errors=True)
    shutil.copytree(source, name)
    return name


# --- tokenizers ---


def strings():
    random = np.random.default_rng(5)
    parts = [
        "def f(x):\n",
        "    return",
        " 'don''t'",
        "\r\n",
        "\t",
        " 12345",
        "é",
        "漢字",
        "🙂",
        "e\u0301",
        "_x__",
        "==",
        "  ",
        "<|im_end|>",
        "The quick",
        " brown",
        "İ",
        "ﬁ",
        "\u200b",
        "0x1F",
        "//",
        "a" * 40,
        "Ünï",
        " -> ",
        "{}[]()",
        "\n\n\n",
    ]
    return ["".join(random.choice(parts, random.integers(1, 9))) for _ in range(500)]


def tokenizers():
    sources = {}
    for kind in ["llama", "qwen2", "qwen3"]:
        make(f"tok-{kind}", kind)
        sources[f"{kind} folder"] = (f"tok-{kind}", AutoTokenizer.from_pretrained(f"tok-{kind}"), None)
    home = os.path.join(os.environ.get("COE_HOME", os.path.expanduser("~/.cache/coe")), "models")
    for name in ["SmolLM2-135M-Instruct-Q4_1", "Qwen2.5-Coder-0.5B-Instruct-Q4_K_M", "gemma-3-270m-Q4_K_M"]:
        path = os.path.join(home, name + ".gguf")
        if os.path.exists(path):
            reference = AutoTokenizer.from_pretrained(home, gguf_file=name + ".gguf")
            # Transformers does not read tokenizer.ggml.pre; these are the steps of the families' own tokenizer.json.
            if "SmolLM2" in name:
                reference.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
                    [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
                )
            elif "Qwen2" in name:
                reference.backend_tokenizer.normalizer = normalizers.NFC()
            sources[f"{name}.gguf"] = (path, reference, path)
    for name, (source, reference, file) in sources.items():
        shutil.rmtree("merged", ignore_errors=True)
        code, _, error = run(COE, "models", "merge", "--model", source, "--adapter", "none", "--out", "merged")
        if code != 0:
            row(f"merged tokenizer, {name}", "ids", error.strip().splitlines()[-1], False)
            continue
        ours = AutoTokenizer.from_pretrained("merged")
        wrong = [text for text in strings() if ours(text)["input_ids"] != reference(text)["input_ids"]]
        if file:
            field = gguf.GGUFReader(file).fields["tokenizer.ggml.tokens"]
            tokens = [bytes(field.parts[place]).decode("utf-8", "replace") for place in field.data]
        else:
            tokens = [reference.convert_ids_to_tokens(number) for number in range(len(reference))]
        special = {
            token: number for number, token in enumerate(tokens) if token.startswith("<") and token.endswith(">")
        }
        moved = [token for token, number in special.items() if ours.convert_tokens_to_ids(token) != number]
        row(
            f"merged tokenizer, {name}: ids of 500 strings and {len(special)} special tokens",
            "0 other",
            (
                [f"{len(wrong)} other strings, {len(moved)} other tokens", *moved[:3]]
                if wrong or moved
                else ["0 other"],
                [],
            ),
            not wrong and not moved,
        )
        shutil.rmtree("merged", ignore_errors=True)


# --- adapters ---


def adapters():
    model = make("base")
    compare("plain model", model, "--model", "base", "--adapter", "none")

    def one(kind, settings, base="base", expects=None, change=None):
        shutil.rmtree("adapter", ignore_errors=True)
        torch.manual_seed(7)
        source = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        wrapped = get_peft_model(
            source,
            LoraConfig(
                **{
                    "r": 8,
                    "lora_alpha": 16,
                    "target_modules": ["q_proj", "v_proj", "up_proj"],
                    "task_type": "CAUSAL_LM",
                    **settings,
                }
            ),
        )
        for key, p in wrapped.named_parameters():
            if "lora_" in key and "magnitude" not in key or "modules_to_save" in key:
                p.data = p.data + 0.1 * torch.randn_like(p)
        wrapped.save_pretrained("adapter")
        if change:
            edit("adapter", "adapter_config.json", change)
        fresh = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        theirs = expects or PeftModel.from_pretrained(fresh, "adapter").eval()
        compare(f"PEFT {kind}", theirs, "--model", base, "--adapter", "tuned=adapter", model="tuned")

    one("plain LoRA", {})
    one("rank_pattern", {"rank_pattern": {"v_proj": 4}})
    one("alpha_pattern", {"alpha_pattern": {"v_proj": 64}})
    one(
        "rank_pattern and alpha_pattern, rsLoRA",
        {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"layers.1.*up_proj": 4}, "use_rslora": True},
    )
    one("DoRA", {"use_dora": True})
    one("modules_to_save lm_head", {"modules_to_save": ["lm_head"]})
    one("modules_to_save embed_tokens", {"modules_to_save": ["embed_tokens"]})
    make("tied", tie_word_embeddings=True)
    one("modules_to_save lm_head, tied", {"modules_to_save": ["lm_head"]}, base="tied")
    for beginning in ["pissa", "olora"]:
        one(f"init_lora_weights {beginning}", {"init_lora_weights": beginning})
    one("init_lora_weights gaussian", {"init_lora_weights": "gaussian"})
    one("aLoRA", {"alora_invocation_tokens": [100, 110], "target_modules": ["q_proj", "v_proj"]})
    one("bias lora_only", {"bias": "lora_only"})
    one("lora_bias", {"lora_bias": True, "target_modules": ["q_proj"]})
    one("trainable_token_indices", {"trainable_token_indices": [3, 9]})
    one("an unknown key", {}, expects="unknown", change=lambda c: c.update(mystery_scale=2.0))
    one("r that is not the tensors'", {}, expects="size mismatch", change=lambda c: c.update(r=16))

    one("plain LoRA, again", {})
    weights = load_file("adapter/adapter_model.safetensors")
    key = next(key for key in weights if "lora_B" in key)
    weights[key][0, 0] = float("nan")
    save_file(weights, "adapter/adapter_model.safetensors")
    compare("NaN in lora_B", "nan", "--model", "base", "--adapter", "tuned=adapter", model="tuned")
    edit("adapter", "adapter_config.json", lambda c: c.update(base_model_name_or_path="Qwen/Qwen2.5-0.5B-Instruct"))
    code, out, error = run(
        COE, "eval", "--set", "countdown-4", "--subset", "1", "--adapter", "adapter", "--out", "run-of-another"
    )
    row(
        "an adapter that names another base, without --model",
        "Qwen/Qwen2.5-0.5B-Instruct",
        (error.strip().splitlines() or [out])[-1] if code else ("played", ""),
        False,
    )


# --- checkpoints ---


def checkpoints():
    model = make("base")

    def weights(name, change, config=None):
        path = copied(name)
        tensors = load_file(f"{path}/model.safetensors")
        out = {}
        for key, value in tensors.items():
            out.update(change(key, value))
        save_file(out, f"{path}/model.safetensors", {"format": "pt"})
        if config:
            edit(path, "config.json", lambda c: c.update(config))
        return path

    def bnb(key, value):
        if not key.endswith("_proj.weight"):
            return {key: value}
        scale = value.abs().amax(1)
        return {key: (value / scale[:, None] * 127).round().to(torch.int8), key[:-6] + "SCB": scale}

    def compressed(key, value):
        if not key.endswith("_proj.weight"):
            return {key: value}
        scale = value.abs().amax(1, keepdim=True) / 127
        return {key: (value / scale).round().to(torch.int8), key + "_scale": scale}

    def fp8(key, value):
        return (
            {key: value.to(torch.float8_e4m3fn), key + "_scale_inv": torch.ones(1, 1)}
            if key.endswith("_proj.weight")
            else {key: value}
        )

    for name, change, method in [
        ("bitsandbytes int8", bnb, "bitsandbytes"),
        ("compressed-tensors int8", compressed, "compressed-tensors"),
        ("fp8", fp8, "fp8"),
    ]:
        compare(
            f"{name} checkpoint",
            "dequantised",
            "--model",
            weights("q", change, {"quantization_config": {"quant_method": method}}),
            "--adapter",
            "none",
        )
        compare(
            f"{name} checkpoint without quantization_config",
            "dequantised",
            "--model",
            weights("q", change),
            "--adapter",
            "none",
        )
    compare(
        "an unused F8 tensor",
        model,
        "--model",
        weights("q", lambda k, v: {k: v, "extra.f8": torch.zeros(4).to(torch.float8_e5m2)}),
        "--adapter",
        "none",
    )
    compare(
        "an unread tensor of a layer",
        "unexpected key",
        "--model",
        weights("q", lambda k, v: {k: v, "model.layers.0.self_attn.q_proj.bias": torch.ones(128)}),
        "--adapter",
        "none",
    )

    biased = make("biased", attention_bias=True, mlp_bias=True)
    compare("llama attention_bias and mlp_bias", biased, "--model", "biased", "--adapter", "none")
    edit("biased", "config.json", lambda c: c.update(mlp_bias=False))
    compare("llama with mlp biases that config.json denies", "ignored", "--model", "biased", "--adapter", "none")

    def configured(kind, change, expects=None):
        path = copied("configured")
        edit(path, "config.json", change)
        try:
            reference = expects or AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
        except Exception as error:
            reference = f"{type(error).__name__}: {error}"
        compare(f"config.json: {kind}", reference, "--model", path, "--adapter", "none")

    rope = lambda **values: lambda c: c.update(rope_parameters={"rope_theta": 10000.0, **values})
    configured("RoPE linear", rope(rope_type="linear", factor=4.0))
    configured("RoPE yarn", rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=64))
    configured(
        "RoPE yarn with attention_factor",
        rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=64, attention_factor=1.5),
    )
    configured(
        "RoPE llama3",
        rope(
            rope_type="llama3",
            factor=8.0,
            low_freq_factor=1.0,
            high_freq_factor=4.0,
            original_max_position_embeddings=64,
        ),
    )
    configured(
        "RoPE longrope",
        rope(
            rope_type="longrope",
            factor=4.0,
            short_factor=[1.0] * 32,
            long_factor=[2.0] * 32,
            original_max_position_embeddings=64,
        ),
    )
    configured(
        "a RoPE factor without a type",
        lambda c: (c.pop("rope_parameters"), c.update(rope_scaling={"factor": 4.0}, rope_theta=10000.0))[1],
        expects="ignored",
    )
    configured(
        "Transformers 4's rope_scaling linear",
        lambda c: (
            c.pop("rope_parameters"),
            c.update(rope_theta=10000.0, rope_scaling={"type": "linear", "factor": 2.0}),
        )[1],
    )
    configured("rms_norm_eps missing", lambda c: c.pop("rms_norm_eps") and None)
    configured("max_position_embeddings missing", lambda c: c.pop("max_position_embeddings") and None)
    configured("vocab_size smaller than the embeddings", lambda c: c.update(vocab_size=300), expects="size mismatch")
    configured(
        "LlamaForSequenceClassification",
        lambda c: c.update(architectures=["LlamaForSequenceClassification"]),
        expects="another head",
    )
    configured("10^12 layers", lambda c: c.update(num_hidden_layers=10**12), expects="no memory")
    make("tied", tie_word_embeddings=True)
    tensors = load_file("tied/model.safetensors")
    tensors["lm_head.weight"] = torch.randn_like(tensors["model.embed_tokens.weight"])
    save_file(tensors, "tied/model.safetensors", {"format": "pt"})
    compare(
        "tied embeddings with another lm_head stored",
        AutoModelForCausalLM.from_pretrained("tied", dtype=torch.float32).eval(),
        "--model",
        "tied",
        "--adapter",
        "none",
    )
    path = copied("unigram")
    write_json(
        path,
        "tokenizer.json",
        {"version": "1.0", "added_tokens": [], "model": {"type": "Unigram", "unk_id": 0, "vocab": [["a", 0.0]]}},
    )
    compare("a Unigram tokenizer", "Unigram", "--model", path, "--adapter", "none")
    path = copied("no-config")
    os.remove(f"{path}/config.json")
    compare("a folder without config.json", "OSError", "--model", path, "--adapter", "none")
    path = copied("far-id")
    add_token(path, "<far>", 2**63 - 1)
    compare("a token id of 2^63-1", "overflow", "--model", path, "--adapter", "none")


# --- GGUF ---


def gguf_files():
    model = make("base")
    model256 = make("base256", hidden_size=256, intermediate_size=512, num_attention_heads=4)

    def permuted(weight, heads):
        shape = weight.shape
        return weight.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape)

    def write(path, model, kind=None, fields=(), raw=None, only=None, skip=()):
        config = model.config
        writer = gguf.GGUFWriter(path, "llama")
        head = config.head_dim
        for key, value in dict(
            context_length=config.max_position_embeddings,
            embedding_length=config.hidden_size,
            block_count=config.num_hidden_layers,
            feed_forward_length=config.intermediate_size,
            **{
                "attention.head_count": config.num_attention_heads,
                "attention.head_count_kv": config.num_key_value_heads,
                "attention.key_length": head,
                "attention.value_length": head,
                "rope.dimension_count": head,
            },
        ).items():
            if key not in skip:
                writer.add_uint32(f"llama.{key}", value)
        writer.add_float32("llama.attention.layer_norm_rms_epsilon", config.rms_norm_eps)
        writer.add_float32("llama.rope.freq_base", 10000.0)
        for method, key, value in fields:
            getattr(writer, method)(key, value)
        words = json.loads(open("base/tokenizer.json").read())
        vocabulary = sorted(words["model"]["vocab"].items(), key=lambda item: item[1])
        special = {token["content"] for token in words["added_tokens"]}
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("smollm")
        writer.add_token_list([token for token, _ in vocabulary])
        writer.add_token_types([3 if token in special else 1 for token, _ in vocabulary])
        writer.add_token_merges(
            [" ".join(merge) if isinstance(merge, list) else merge for merge in words["model"]["merges"]]
        )
        if not any(key == "tokenizer.ggml.eos_token_id" for _, key, _ in fields):
            writer.add_eos_token_id(words["model"]["vocab"]["<|im_end|>"])
        names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
        for key, tensor in model.state_dict().items():
            if only and not only(key):
                continue
            data = tensor.float().numpy()
            if "q_proj" in key:
                data = permuted(data, config.num_attention_heads)
            if "k_proj" in key:
                data = permuted(data, config.num_key_value_heads)
            name = names.get_name(key, (".weight", ".bias"))
            if raw and name in raw:
                writer.add_tensor(name, raw[name], raw_dtype=kind)
            elif kind and data.ndim == 2 and data.shape[-1] % gguf.GGML_QUANT_SIZES[kind][0] == 0 and not raw:
                writer.add_tensor(name, quants.quantize(data, kind), raw_dtype=kind)
            else:
                writer.add_tensor(name, data)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()

    def dequantised(model, kind):
        twin = copy.deepcopy(model)
        for p in twin.parameters():
            if p.ndim == 2 and p.shape[-1] % gguf.GGML_QUANT_SIZES[kind][0] == 0:
                p.data = torch.tensor(quants.dequantize(quants.quantize(p.data.numpy(), kind), kind))
        return twin

    write("f32.gguf", model)
    compare("GGUF F32", model, "--model", "f32.gguf", "--adapter", "none")
    for kind in [Q.BF16, Q.Q4_0, Q.Q4_1, Q.Q5_0, Q.Q5_1, Q.Q8_0]:
        write("typed.gguf", model, kind)
        compare(f"GGUF {kind.name}", dequantised(model, kind), "--model", "typed.gguf", "--adapter", "none")
    # The package does not quantise these; random blocks in one weight are dequantised by it.
    random = np.random.default_rng(1)
    name = "blk.0.ffn_up.weight"
    for kind, scales in {
        Q.Q2_K: [80, 82],
        Q.Q3_K: [108],
        Q.Q4_K: [0, 2],
        Q.Q5_K: [0, 2],
        Q.Q6_K: [208],
        Q.IQ4_NL: [0],
        Q.IQ4_XS: [0],
    }.items():
        length, size = gguf.GGML_QUANT_SIZES[kind]
        blocks = random.integers(0, 256, (512 * 256 // length, size), dtype=np.uint8)
        for place in scales:
            blocks[:, place : place + 2] = (
                (random.standard_normal(len(blocks)) * 0.002).astype(np.float16).view(np.uint8).reshape(-1, 2)
            )
        blocks = blocks.reshape(512, -1)
        twin = copy.deepcopy(model256)
        twin.model.layers[0].mlp.up_proj.weight.data = torch.tensor(quants.dequantize(blocks, kind).reshape(512, 256))
        write("typed.gguf", model256, kind, raw={name: blocks})
        compare(f"GGUF {kind.name}", twin, "--model", "typed.gguf", "--adapter", "none")
    blocks = np.zeros((512, gguf.GGML_QUANT_SIZES[Q.IQ1_S][1]), dtype=np.uint8)
    write("typed.gguf", model256, Q.IQ1_S, raw={name: blocks})
    compare("GGUF IQ1_S", "zeros", "--model", "typed.gguf", "--adapter", "none")

    biased = make("biased", attention_bias=True, mlp_bias=True)
    write("biased.gguf", biased)
    compare("GGUF llama with attn and ffn biases", biased, "--model", "biased.gguf", "--adapter", "none")
    keys = list(model.state_dict())
    for number in range(2):
        part = set(keys[number::2])
        write(
            f"cut-{number + 1:05d}-of-00002.gguf",
            model,
            only=part.__contains__,
            fields=[
                ("add_uint16", "split.no", number),
                ("add_uint16", "split.count", 2),
                ("add_int32", "split.tensors.count", len(keys)),
            ],
        )
    compare("GGUF in two files", model, "--model", "cut-00001-of-00002.gguf", "--adapter", "none")
    compare("GGUF in two files, the second named", model, "--model", "cut-00002-of-00002.gguf", "--adapter", "none")

    def scaled(rope):
        path = copied("scaled")
        edit(path, "config.json", lambda c: c.update(rope_parameters={"rope_theta": 10000.0, **rope}))
        return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()

    linear = scaled({"rope_type": "linear", "factor": 4.0})
    for kind, fields, reference in [
        ("rope.scale_linear", [("add_float32", "llama.rope.scale_linear", 4.0)], linear),
        ("a factor without a type", [("add_float32", "llama.rope.scaling.factor", 4.0)], linear),
        (
            "RoPE linear",
            [("add_string", "llama.rope.scaling.type", "linear"), ("add_float32", "llama.rope.scaling.factor", 4.0)],
            linear,
        ),
        (
            "RoPE none with a factor",
            [("add_string", "llama.rope.scaling.type", "none"), ("add_float32", "llama.rope.scaling.factor", 4.0)],
            model,
        ),
        (
            "RoPE yarn",
            [
                ("add_string", "llama.rope.scaling.type", "yarn"),
                ("add_float32", "llama.rope.scaling.factor", 4.0),
                ("add_uint32", "llama.rope.scaling.original_context_length", 64),
            ],
            scaled({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}),
        ),
        ("RoPE longrope", [("add_string", "llama.rope.scaling.type", "longrope")], "other frequencies"),
        ("experts", [("add_uint32", "llama.expert_count", 8)], "other layers"),
        ("logit_scale", [("add_float32", "llama.logit_scale", 0.5)], "scaled logits"),
        (
            "eos_token_id of 2^32-1 in models merge",
            [("add_uint32", "tokenizer.ggml.eos_token_id", 0xFFFFFFFF)],
            model,
        ),
        ("eos_token_id of 99999", [("add_uint32", "tokenizer.ggml.eos_token_id", 99999)], "no such token"),
    ]:
        write("keyed.gguf", model, fields=fields)
        compare(f"GGUF: {kind}", reference, "--model", "keyed.gguf", "--adapter", "none")
        if "merge" in kind:
            code, _, error = run(
                COE, "models", "merge", "--model", "keyed.gguf", "--adapter", "none", "--out", "merged-keyed"
            )
            row(f"GGUF: {kind}", "merged", (["merged"], []) if code == 0 else error, code == 0)
    # llama.cpp's rule: the first token begins a conversation where the file or its template says so.
    words = AutoTokenizer.from_pretrained("base")
    turns = [{"role": "user", "content": "hi"}]
    begun = [0] + words.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
    for kind, template, adds in [
        ("add_bos_token", CHAT, True),
        ("{{bos_token}}", "{{bos_token}}" + CHAT, False),
        ("add_bos_token and {{bos_token}}", "{{bos_token}}" + CHAT, True),
    ]:
        write(
            "begun.gguf",
            model,
            fields=[
                ("add_bool", "tokenizer.ggml.add_bos_token", adds),
                ("add_uint32", "tokenizer.ggml.bos_token_id", 0),
                ("add_string", "tokenizer.chat_template", template),
            ],
        )
        with Server(COE, "--model", "begun.gguf", "--adapter", "none") as server:
            asked = {"messages": turns, "max_tokens": 1, "return_token_ids": True}
            ours = server.refusal or (server.post("/v1/chat/completions", asked)[1].get("prompt_token_ids"), [])
        row(f"GGUF: a chat under {kind}", (begun, []), ours, ours == (begun, []))
        shutil.rmtree("merged", ignore_errors=True)
        run(COE, "models", "merge", "--model", "begun.gguf", "--adapter", "none", "--out", "merged")
        merged = AutoTokenizer.from_pretrained("merged")
        ours = (merged.apply_chat_template(turns, add_generation_prompt=True, return_dict=False), [])
        row(f"GGUF: a chat under {kind}, merged", (begun, []), ours, ours == (begun, []))
    write(
        "keyed.gguf", model, skip=["rope.dimension_count"], fields=[("add_uint32", "llama.rope.dimension_count", 32)]
    )
    compare(
        "GGUF: rope.dimension_count of half a head", "partly turned", "--model", "keyed.gguf", "--adapter", "none"
    )


# --- chats ---


def chats():
    conversations = [
        [{"role": "user", "content": "hi"}],
        [{"role": "system", "content": "be brief"}, {"role": "user", "content": " padded \n"}],
        [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}],
    ]

    def one(kind, template, settings=None, where="config", processor=None):
        make("chat")
        if processor:
            words = Tokenizer.from_file("chat/tokenizer.json")
            words.post_processor = processor
            words.save("chat/tokenizer.json")
        config = {**read_json("chat", "tokenizer_config.json"), **(settings or {}), "chat_template": template}
        if where == "jinja":
            with open("chat/chat_template.jinja", "w") as file:
                file.write(template)
            config["chat_template"] = "{{ 'old' }}"
        if where == "list":
            config["chat_template"] = [
                {"name": "tool_use", "template": "x"},
                {"name": "default", "template": template},
            ]
        write_json("chat", "tokenizer_config.json", config)
        reference = AutoTokenizer.from_pretrained("chat")
        theirs = [
            reference.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
            for turns in conversations
        ]
        with Server(COE, "--model", "chat", "--adapter", "none") as server:
            ours = server.refusal
            if not ours:
                answers = [
                    server.post(
                        "/v1/chat/completions",
                        {"messages": turns, "max_tokens": 1, "temperature": 0, "return_token_ids": True},
                    )
                    for turns in conversations
                ]
                ours = [answer.get("prompt_token_ids") for _, answer in answers]
                plain = reference("a b")["input_ids"]
                _, completion = server.post(
                    "/v1/completions", {"prompt": "a b", "max_tokens": 1, "return_token_ids": True}
                )
                theirs, ours = theirs + [plain], ours + [completion.get("prompt_token_ids")]
        same = ours == theirs
        row(
            f"template: {kind}",
            f"{sum(map(len, theirs))} tokens",
            ours if isinstance(ours, str) else ([sum(len(ids or []) for ids in ours), "tokens"], []),
            same,
        )

    default = (
        "{% if messages[0]['role'] != 'system' %}{{ \"<|im_start|>system\nYOU<|im_end|>\n\" }}{% endif %}" + CHAT
    )
    one("standard ChatML", CHAT)
    one("in chat_template.jinja", CHAT, where="jinja")
    one("in a list", CHAT, where="list")
    one(
        "{{bos_token}} first, add_bos_token",
        "{{bos_token}}" + CHAT,
        {"bos_token": "<|endoftext|>", "add_bos_token": True},
    )
    one("no {{bos_token}}, add_bos_token", CHAT, {"bos_token": "<|endoftext|>", "add_bos_token": True})

    def adds(single):
        return processors.TemplateProcessing(
            single=single, pair=f"{single} $B:1", special_tokens=[("<|endoftext|>", 0), ("<|im_end|>", 2)]
        )

    first = "<|endoftext|>:0 $A:0"
    one(
        "a post-processor's first token",
        CHAT,
        {"bos_token": "<|endoftext|>", "add_bos_token": False},
        processor=adds(first),
    )
    one(
        "a post-processor's first token, {{bos_token}}",
        "{{bos_token}}" + CHAT,
        {"bos_token": "<|endoftext|>"},
        processor=adds(first),
    )
    one("a post-processor's first token, no bos_token", CHAT, processor=adds(first))
    one(
        "a post-processor's first token, another bos_token",
        CHAT,
        {"bos_token": "<|im_start|>"},
        processor=adds(first),
    )
    one("a post-processor's last token", CHAT, processor=adds("$A:0 <|im_end|>:0"))
    one(
        "a post-processor of RoBERTa's kind",
        CHAT,
        processor=processors.RobertaProcessing(
            ("<|im_end|>", 2), ("<|endoftext|>", 0), trim_offsets=False, add_prefix_space=False
        ),
    )
    one("no line break behind <|im_end|>", CHAT.replace("+ '\n'}}{% endfor", "}}{% endfor"))
    one("<think> in the generation prompt", CHAT.replace("assistant\n' }}", "assistant\n<think>\n' }}"))
    one("content trimmed", CHAT.replace("m['content']", "m['content'] | trim"))
    one("default system message with an apostrophe", default.replace("YOU", "You're a bot."))
    one("default system message", default.replace("YOU", "You are a bot."))
    one(
        "a role named bot",
        CHAT.replace("m['role'] + '\n'", "('bot' if m['role']=='assistant' else m['role']) + '\n'").replace(
            "assistant\n' }}", "bot\n' }}"
        ),
    )
    one(
        "not ChatML",
        "{% for m in messages %}{{ '### ' + m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}### assistant:",
    )
    one(
        "the user's content trimmed alone",
        CHAT.replace("m['content']", "(m['content']|trim if m['role']=='user' else m['content'])"),
    )

    model = make("ends")
    tokens, _ = greedy(model, IDS, 12)
    write_json("ends", "generation_config.json", {"eos_token_id": [1, tokens[4]]})
    with Server(COE, "--model", "ends", "--adapter", "none") as server:
        ours = server.refusal or server.greedy(IDS, 12)
    expected = tokens[: tokens.index(tokens[4]) + 1]
    row(
        "a list of eos_token_id in generation_config.json",
        (expected, []),
        ours,
        isinstance(ours, tuple) and ours[0] == expected,
    )


# --- servers ---


def openenv():
    import environment

    environment.openenv(COE, row)


def server():
    make("base")
    path = copied("far")
    add_token(path, "<far>", 400)
    with Server(COE, "--model", path, "--adapter", "none") as one:
        if one.refusal:
            row("a token beyond the embeddings", "IndexError", one.refusal, False)
        else:
            for kind, where, body in [
                ("completion", "/v1/completions", {"prompt": "a<far>b"}),
                ("chat", "/v1/chat/completions", {"messages": [{"role": "user", "content": "a<far>b"}]}),
                ("stream", "/v1/completions", {"prompt": "a<far>b", "stream": True}),
            ]:
                status, answer = one.post(where, {**body, "max_tokens": 2})
                row(
                    f"a token beyond the embeddings, {kind}",
                    "IndexError",
                    f"{status}: {answer['error']['message']}" if status >= 400 else (["answered"], []),
                    False,
                )
        status, answer = one.post(
            "/v1/completions", {"prompt": [3, 4], "max_tokens": 6, "temperature": 1e-300, "return_token_ids": True}
        )
        _, cold = one.post(
            "/v1/completions", {"prompt": [3, 4], "max_tokens": 6, "temperature": 0, "return_token_ids": True}
        )
        row(
            "a temperature of 1e-300",
            (cold["choices"][0]["token_ids"], []),
            (answer["choices"][0]["token_ids"], []) if status == 200 else str(answer),
            status == 200 and answer["choices"][0]["token_ids"] == cold["choices"][0]["token_ids"],
        )
    from openai import BadRequestError, OpenAI

    with Server(COE, "--model", path, "--adapter", "none") as one:
        client = OpenAI(base_url=one.url + "/v1", api_key="none", max_retries=0)
        name = client.models.list().data[0].id
        whole = client.completions.create(model=name, prompt="def", max_tokens=8, temperature=0)
        streamed = "".join(
            c.choices[0].text
            for c in client.completions.create(model=name, prompt="def", max_tokens=8, temperature=0, stream=True)
            if c.choices
        )
        row(
            "openai: a stream is the whole answer",
            (["equal"], []),
            (["equal" if streamed == whole.choices[0].text else "other"], []),
            streamed == whole.choices[0].text,
        )
        try:
            client.completions.create(model=name, prompt="a<far>b", max_tokens=2, stream=True)
            row("openai: a bad prompt in a stream", "BadRequestError", (["answered"], []), False)
        except BadRequestError as error:
            row("openai: a bad prompt in a stream", "BadRequestError", f"BadRequestError: {error}", False)


if __name__ == "__main__":
    only = sys.argv[3:]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for part in [tokenizers, adapters, checkpoints, gguf_files, chats, server, openenv]:
            if not only or part.__name__ in only:
                part()
    wrong = [entry for entry in rows if entry[3] == "WRONG"]
    table = [
        "# coe beside the reference",
        "",
        "Written by `scripts/interop`; see `interop.py`.",
        "",
        f"{len(rows)} kinds: {sum(r[3] == 'same' for r in rows)} the same, "
        f"{sum(r[3] == 'refused' for r in rows)} refused in words, "
        f"{len(wrong)} wrong.",
        "",
        "| kind | reference | coe | |",
        "|---|---|---|---|",
    ]
    table += [f"| {kind} | {theirs} | {ours} | {verdict} |" for kind, theirs, ours, verdict in rows]
    if OUT and not only:
        with open(OUT, "w") as file:
            file.write("\n".join(table) + "\n")
    print(table[4])
    sys.exit(1 if wrong else 0)
