#!/usr/bin/env python3
"""Writes Tests/Fixtures/tokenization: what Hugging Face's `tokenizers` makes of about 2,300 generated strings.

    python3 -m venv .venv && .venv/bin/pip install tokenizers==0.23.3 transformers==5.23.0 jinja2 gguf==0.19.0
    .venv/bin/python Tests/Fixtures/make_tokenization.py [--models FOLDER] [--llama3 tokenizer.model]

Four tiny tokenizers, one a pre-tokenizer, are trained here on generated text and written whole. The vocabularies of
SmolLM2, Qwen2.5 and Gemma 3 (GGUF files under --models) and of Llama 3 (Meta's tokenizer.model) are not written: of them
the fixtures hold ids alone. Without those files their part of the fixtures is left as it is.

Files:
  strings.json         the strings; [text, n] stands for the text n times over
  gemma_strings.json   further ones, for Gemma's tokenizers
  <name>.json          a tiny tokenizer, as its tokenizer.json; <name>_config.json, its tokenizer_config.json
  ids.json             for each tokenizer: a hash of each string's ids (FNV-1a, 64 bits, over the ids as little-endian
                       32-bit words), control tokens as text; `parsed`, by index, where parsing them gives other ids;
                       `full`, by index, some ids in full
  conversations.json   conversations, and for each tokenizer the ids that `apply_chat_template` gives, without and with
                       the generation prompt
"""

import argparse
import json
import os
import random
import sys
import unicodedata
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
CONTROL = {
    "smollm": ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<file_sep>"],
    "qwen2": ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>"],
    "llama3": [
        "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eom_id|>",
    ],
}
USER_DEFINED = {"qwen2": ["<tool_call>", "</tool_call>"]}

# MARK: Strings

WORDS = (
    "the a of to and in is it def return if else for while import from class self None True print range len value list "
    "index result total count items key node left right file line error test assert equal sort merge split join map "
    "filter number string letter I we you they he she don can won isn would have are quick brown fox jumps over lazy "
    "dog program function variable loop recursion stack queue tree graph walk search find replace delete insert edit"
).split()
SCRIPTS = {
    "latin": (0xC0, 0x24F), "greek": (0x370, 0x3FF), "cyrillic": (0x400, 0x52F), "hebrew": (0x590, 0x5F4),
    "arabic": (0x600, 0x6FF), "devanagari": (0x900, 0x97F), "bengali": (0x980, 0x9FE), "tamil": (0xB82, 0xBFA),
    "thai": (0xE01, 0xE5B), "tibetan": (0xF00, 0xFDA), "georgian": (0x10A0, 0x10FF), "jamo": (0x1100, 0x11FF),
    "vietnamese": (0x1EA0, 0x1EF9), "kana": (0x3041, 0x30FF), "bopomofo": (0x3105, 0x312F), "cjk": (0x4E00, 0x9FFF),
    "hangul": (0xAC00, 0xD7A3), "compatibility": (0xF900, 0xFAD9), "forms": (0xFB00, 0xFDFF), "wide": (0xFF01, 0xFFEE),
    "gothic": (0x10330, 0x1034A), "kaithi": (0x11080, 0x110C2), "math": (0x1D400, 0x1D7FF), "cjk-b": (0x20000, 0x2A6D6),
}
SPACES = " \t\n\r\u000b\u000c\u001c\u001f\u0085\u00a0\u1680\u2002\u2003\u2009\u200a\u2028\u2029\u202f\u205f\u3000\u200b\ufeff"
NUMBERS = "0123456789\u00b2\u00bd\u0661\u0967\u09ef\u2160\u2167\u2460\u3007\u3021\uff15\U0001d7d8\U00010107\u0f33\u19da"
EMOJI = [
    "\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466", "\U0001f44d\U0001f3fd", "\u2764\ufe0f",
    "\U0001f1e9\U0001f1ea", "\u2603", "1\ufe0f\u20e3", "\U0001f3f4\U000e0067\U000e0062\U000e007f", "\U0001f9d1\u200d\U0001f4bb",
]
MARKS = [chr(c) for c in list(range(0x300, 0x370)) + [0x5B0, 0x64B, 0x93C, 0x94D, 0x9BC, 0xE38, 0x1DC4, 0x20D0, 0x3099, 0x309A, 0xFE20]]
SINGLETONS = "\u212b\u212a\u2126\u0958\u095f\u0344\u0340\u0341\u0374\u037e\u0387\u1f71\u2000\u2001\u2329\uf900\ufb1d\ufb2e\ufb4e\u1e9b\u0f73\u0f75\u2adc"
MARKERS = sorted({t for ts in list(CONTROL.values()) + list(USER_DEFINED.values()) for t in ts}) + [
    "<|im_start", "im_end|>", "<|", "|>", "<<|im_end|>>", "<|im_<|im_end|>end|>", "<|IM_END|>", "<|eot_id |>",
]
CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'T", "'RE", "'Ve", "'M", "'lL", "'D", "'\u017f", "\u2019s", "'l", "'r", "'v", "'e", "'", "''s", "' s"]


def assigned(rng, low, high):
    while True:
        c = chr(rng.randint(low, high))
        # A later Unicode version may make a letter of an unassigned scalar.
        if unicodedata.category(c) not in ("Cn", "Cs"):
            return c


def word(rng):
    w = rng.choice(WORDS)
    return rng.choice([w, w, w, w.capitalize(), w.upper(), w + rng.choice(WORDS).capitalize(), w + "_" + rng.choice(WORDS)])


def sentence(rng):
    out = []
    for _ in range(rng.randint(1, 14)):
        out.append(word(rng) + rng.choice(["", "", "", rng.choice(CONTRACTIONS), ",", ".", ";", " -", "...", "!?"]))
    return rng.choice([" ", " ", " ", "  "]).join(out)


def code(rng):
    indent = rng.choice(["    ", "\t", "  ", " "])
    newline = rng.choice(["\n", "\n", "\r\n", "\r", "\n\n"])
    lines, depth = [], 0
    for _ in range(rng.randint(1, 12)):
        a, b = word(rng), word(rng)
        n = rng.randint(0, 10 ** rng.randint(1, 7))
        line, opens = rng.choice([
            (f"def {a}({b}, x={n}):", 1), (f"for {a} in range({n}):", 1), (f"if {a}[{n}] >= {b}.{a}:", 1),
            (f"{a} = {b} ** {n} // 0x{n:X}", 0), (f"return {a}[{b}:-{n % 10}]", 0), (f'print(f"{a}: {{{b}!r:>{n % 9}}}\\n")', 0),
            (f"# {sentence(rng)}", 0), (f"assert {a}({n}, '{b}') == [{n}, {n}.{n}e-{n % 30}]", 0), ("", 0), (f"### REPL {n % 40} {a} >>> {b}", 0),
        ])
        lines.append(indent * depth + line + rng.choice(["", "", "", " ", "\t"]))
        depth = max(0, depth + opens - rng.choice([0, 0, 1]))
    return newline.join(lines) + rng.choice(["", newline])


def script(rng):
    low, high = SCRIPTS[rng.choice(sorted(SCRIPTS))]
    return "".join(rng.choice([" ", "\u3002", "\n"]) if rng.random() < 0.08 else assigned(rng, low, high) for _ in range(rng.randint(1, 30)))


def digits(rng):
    kind = NUMBERS[:10] if rng.random() < 0.6 else NUMBERS
    return rng.choice(["", " ", "-", "  ", "x"]) + "".join(rng.choice(kind) for _ in range(rng.randint(1, 25))) + rng.choice(["", ".5", " 1", "th", "  7  "])


def combining(rng):
    out = ""
    for _ in range(rng.randint(1, 12)):
        base = rng.choice(["a", "E", "o", "u", "q", " ", "\n", "\u1100\u1161", "\u1112\u1161\u11ab", "\uac00\u11a8", "\u0915", "\u3046", "\u0995", assigned(rng, 0xC0, 0x24F), rng.choice(SINGLETONS)])
        out += base + "".join(rng.choice(MARKS) for _ in range(rng.choice([0, 1, 1, 2, 3])))
    return unicodedata.normalize(rng.choice(["NFC", "NFD"]), out) if rng.random() < 0.4 else out


def spaces(rng):
    out = ""
    for _ in range(rng.randint(1, 6)):
        kind = rng.choice([" ", " \t", " \n", "\r\n", SPACES])
        out += "".join(rng.choice(kind) for _ in range(rng.randint(1, 9))) + rng.choice(["", "", word(rng), "!", "7", "\u00e9", "'s"])
    return out


def markers(rng):
    return "".join(rng.choice([rng.choice(MARKERS), rng.choice(MARKERS), word(rng), " ", "\n", "\u0338"]) for _ in range(rng.randint(1, 8)))


def scalars(rng):
    planes = [(0, 0x7F), (0x80, 0x7FF), (0x800, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x1FFFF), (0x20000, 0x323AF), (0xE0001, 0x10FFFD)]
    return "".join(assigned(rng, *rng.choice(planes)) for _ in range(rng.randint(1, 25)))


def mixed(rng):
    return "".join(rng.choice([word, sentence, script, digits, combining, spaces, scalars, lambda r: r.choice(EMOJI), lambda r: r.choice(CONTRACTIONS)])(rng)
                   for _ in range(rng.randint(2, 5)))


def contractions(rng):
    return "".join(rng.choice([word(rng), rng.choice(CONTRACTIONS), rng.choice(CONTRACTIONS), " "]) for _ in range(rng.randint(1, 9)))


def emoji(rng):
    return "".join(rng.choice([rng.choice(EMOJI), rng.choice(EMOJI), " ", word(rng)]) for _ in range(rng.randint(1, 8)))


KINDS = [(sentence, 200), (code, 420), (script, 240), (digits, 160), (combining, 240), (spaces, 220), (markers, 200), (scalars, 180), (mixed, 220), (contractions, 120), (emoji, 80)]


def strings():
    rng = random.Random(20)
    out = ["", " ", "\n", "\u0000", "a", "\ud7ff", "\U0010ffff", "\ufffe", "\u0378"]
    for kind, count in KINDS:
        out += [kind(rng) for _ in range(count)]
    # Long lines: one word, one run of white space, and text without a break.
    for unit in ["a", " ", "\n", "\t ", "ab", "0", "é", "e\u0301", "=", "<", "漢字", "\U0001f600", "'s", "x = x + 1; ", "\r\n", " a", "A\u030a\u0323", "\u3099", "<|im_end|>"]:
        out += [[unit, n] for n in (33, 1000, 20000 // len(unit))]
    for kind in (sentence, code, script, mixed):
        out += [[kind(rng), 200], [kind(rng).replace("\n", ""), 300]]
    return out


def text(entry):
    return entry if isinstance(entry, str) else entry[0] * entry[1]


def gemma_strings():
    """Runs of white space beyond the longest token, the sign for a space itself, Gemma's markers whole and broken."""
    rng = random.Random(11)
    pieces = GEMMA_CONTROL + GEMMA_USER + [
        " " * 31, " " * 32, " " * 33, " " * 40, " " * 70, "\n" * 31, "\n" * 32, "\n" * 65, "\t" * 40, "\t ", " \n", "\r\n", "▁", "▁▁",
        "▁ ▁", " ▁", "a▁b", "<0x41>", "<0x0A>", "<0x", "0A>", "<start_of_turn", "end_of_turn>", "<<bos>>", "< table>", "<TABLE>", "<b", "b>",
        "</", "h1>", "\u0000", "\u0001", "\u007f", "\ue331", "\ufffd", "\U000f0000", "\U0010fffd", "\U0001f468\u200d\U0001f469",
    ]
    out = pieces + [" " * n for n in range(2, 100)] + [a + b for a in pieces[-38:] for b in ("x", " x", "  x")]
    for _ in range(300):
        out.append("".join(rng.choice([rng.choice(pieces), word(rng), " ", code(rng)[:40], script(rng)[:9]]) for _ in range(rng.randint(2, 9))))
    return sorted(set(out))


# MARK: Tokenizers

GEMMA_CONTROL = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>"]
GEMMA_USER = ["\n" * n for n in range(1, 32)] + ["▁" * n for n in range(2, 32)] + ["\t" * n for n in range(1, 6)] + [
    "<table>", "</table>", "<h1>", "<b>", "</b>", "<strong>"]


def gemma_tokenizer(vocab, scores, controls, users):
    """As Transformers' GemmaConverter makes it of a SentencePiece model; scores in the order of the ids."""
    from transformers.convert_slow_tokenizer import generate_merges

    merges = generate_merges(vocab, scores)
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in controls])
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in users])
    tokenizer.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", vocab["<bos>"])])
    return tokenizer


def train_gemma():
    rng = random.Random(7)
    kinds = [k for k, n in KINDS for _ in range(n)]
    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.Replace(" ", "▁")
    trained.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    # Few characters are tokens, so that many need their bytes.
    first = GEMMA_CONTROL + GEMMA_USER + [f"<0x{b:02X}>" for b in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=2000, limit_alphabet=400, special_tokens=first, show_progress=False)
    trained.train_from_iterator((rng.choice(kinds)(rng) for _ in range(6000)), trainer)
    vocab = dict(sorted(trained.get_vocab().items(), key=lambda t: t[1]))
    return gemma_tokenizer(vocab, [(t, 0 if i < len(first) else -i) for t, i in vocab.items()], GEMMA_CONTROL, GEMMA_USER)


def gemma_from_gguf(path):
    import gguf

    fields = gguf.GGUFReader(path).fields
    tokens, kinds, scores = (fields[f"tokenizer.ggml.{k}"].contents() for k in ("tokens", "token_type", "scores"))
    # GGUF has user-defined runs of spaces as such, and placeholders as the scores of all that is not normal.
    tokens = [t.replace(" ", "▁") if k == 4 else t for t, k in zip(tokens, kinds)]
    vocab = {t: i for i, t in enumerate(tokens)}
    named = lambda kind: [t for t, k in zip(tokens, kinds) if k == kind]
    return gemma_tokenizer(
        vocab, [(t, s if k == 1 else 0) for t, k, s in zip(tokens, kinds, scores)], named(3), named(4))


def with_steps(model, family):
    """A tokenizer with the steps that the family's published tokenizer.json states."""
    tokenizer = Tokenizer(model)
    if family == "smollm":
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True),
        ])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(QWEN2 if family == "qwen2" else LLAMA3), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=False),
        ])
    if family == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def train(family):
    rng = random.Random(7)
    kinds = [k for k, n in KINDS for _ in range(n)]
    missing = set()
    if family == "smollm":
        # As SmolLM2's own vocabulary, this one lacks some bytes: they leave no token.
        missing = {0x00, 0x01, 0x07, 0x1F, 0xC0, 0xC1, 0xF5, 0xFF, 0xDF, 0xE5}
    alphabet = {c for b in range(256) if b not in missing for c in [BYTES[b]]}
    lost = {BYTES[b] for b in missing}
    tokenizer = with_steps(models.BPE(ignore_merges=family == "llama3"), family)

    def corpus():
        for _ in range(6000):
            t = rng.choice(kinds)(rng)
            if not any(BYTES[b] in lost for b in t.encode()):
                yield t
    trainer = trainers.BpeTrainer(
        vocab_size=2000, initial_alphabet=sorted(alphabet), show_progress=False,
        special_tokens=CONTROL[family] if family == "smollm" else [])
    tokenizer.train_from_iterator(corpus(), trainer)
    if family == "llama3":
        # Tokens without a merge, as Llama 3 has: a word reaches them only when it is taken whole.
        state = json.loads(tokenizer.to_str())
        state["model"]["merges"] = [m for i, m in enumerate(state["model"]["merges"]) if i % 5]
        state["model"]["merges"] = reachable(state["model"])
        tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in CONTROL[family]])
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in USER_DEFINED.get(family, [])])
    if family == "llama3":
        bos = tokenizer.token_to_id("<|begin_of_text|>")
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", bos)])
    return tokenizer


def reachable(model):
    return [m for m in model["merges"] if all(t in model["vocab"] for t in (m[0], m[1], m[0] + m[1]))]


def byte_alphabet():
    printable = list(range(0x21, 0x7F)) + list(range(0xA1, 0xAD)) + list(range(0xAE, 0x100))
    table, extra = {}, 0
    for b in range(256):
        if b in printable:
            table[b] = chr(b)
        else:
            table[b] = chr(0x100 + extra)
            extra += 1
    return table


BYTES = byte_alphabet()


def from_gguf(path, family):
    import gguf

    fields = gguf.GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    kinds = fields["tokenizer.ggml.token_type"].contents()
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
    vocab = {t: i for i, (t, k) in enumerate(zip(tokens, kinds)) if k == 1 or family == "smollm"}
    tokenizer = with_steps(models.BPE(vocab=vocab, merges=merges), family)
    for i, (t, k) in enumerate(zip(tokens, kinds)):
        if k in (3, 4):
            add = tokenizer.add_special_tokens if k == 3 else tokenizer.add_tokens
            add([AddedToken(t, special=k == 3, normalized=False)])
            assert tokenizer.token_to_id(t) == i, t
    return tokenizer, fields["tokenizer.chat_template"].contents()


def from_tiktoken(path):
    from transformers.convert_slow_tokenizer import TikTokenConverter

    special = ["<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>",
               "<|finetune_right_pad_id|>", "<|step_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>",
               "<|eot_id|>", "<|python_tag|>"]
    special += [f"<|reserved_special_token_{i}|>" for i in range(2, 256 - len(special) + 2)]
    converted = TikTokenConverter(vocab_file=path, pattern=LLAMA3, extra_special_tokens=special).converted()
    state = json.loads(converted.to_str())
    state["model"]["ignore_merges"] = True
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", 128000)])
    assert tokenizer.token_to_id("<|eot_id|>") == 128009
    return tokenizer


# MARK: Chat

# Ours, in the published templates' form; a file's own template is used where there is one.
CHATML_TEMPLATE = (
    "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou repair programs.<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA3_TEMPLATE = (
    "{% set ns = namespace(system='') %}{{ bos_token }}"
    "{% if messages[0]['role'] == 'system' %}{% set ns.system = messages[0]['content'] | trim %}{% set messages = messages[1:] %}{% endif %}"
    "{{ '<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: ' + date_string + '\n\n' + ns.system + '<|eot_id|>' }}"
    "{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' + m['content'] | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
LLAMA3_PLAIN_TEMPLATE = (
    "{% for m in messages %}{% set content = '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' + m['content'] | trim + '<|eot_id|>' %}"
    "{% if loop.first %}{{ bos_token }}{% endif %}{{ content }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
GEMMA_TEMPLATE = (
    "{% set ns = namespace(first='') %}{{ bos_token }}"
    "{% if messages[0]['role'] == 'system' %}{% set ns.first = messages[0]['content'] + '\n\n' %}{% set messages = messages[1:] %}{% endif %}"
    "{% for m in messages %}{{ '<start_of_turn>' + ('model' if m['role'] == 'assistant' else 'user') + '\n' + (ns.first if loop.first else '') }}"
    "{{ m['content'] | trim }}{{ '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
DATE = "05 Nov 2026"


def conversations():
    rng = random.Random(3)
    clean = lambda s: s.replace("<|", "< ").replace("<tool_call>", "").replace("</tool_call>", "")
    content = lambda: clean(rng.choice([sentence, code, spaces, mixed, combining, digits, lambda r: "", lambda r: "\n\n", lambda r: "\u001c x \u0085"])(rng))
    out = []
    for _ in range(60):
        turns = [{"role": "system", "content": content()}] if rng.random() < 0.5 else []
        for i in range(rng.randint(1, 5)):
            turns.append({"role": ["user", "assistant"][i % 2], "content": content()})
        out.append(turns)
    return out


def chat_ids(tokenizer, template, talks):
    from transformers import PreTrainedTokenizerFast

    bos = next((t for t in ("<bos>", "<|begin_of_text|>") if tokenizer.token_to_id(t) is not None), None)
    chat = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=bos, chat_template=template)
    return [
        [chat.apply_chat_template(t, add_generation_prompt=g, return_dict=False, date_string=DATE) for g in (False, True)]
        for t in talks
    ]


# MARK: Output

def fnv(ids):
    h = 0xCBF29CE484222325
    for i in ids:
        for b in i.to_bytes(4, "little"):
            h = ((h ^ b) * 0x100000001B3) & (2**64 - 1)
    return f"{h:016x}"


def encodings(tokenizer, entries):
    texts = [text(e) for e in entries]
    tokenizer.encode_special_tokens = True
    plain = [tokenizer.encode(t, add_special_tokens=False).ids for t in texts]
    tokenizer.encode_special_tokens = False
    parsed = [tokenizer.encode(t, add_special_tokens=False).ids for t in texts]
    return {
        "hashes": [fnv(i) for i in plain],
        "parsed": {str(n): fnv(p) for n, (i, p) in enumerate(zip(plain, parsed)) if i != p},
        "full": {str(n): i for n, i in enumerate(plain) if n % 23 == 0 and len(i) < 60},
    }


def main():
    parser = argparse.ArgumentParser()
    home = Path(os.environ.get("COE_HOME", Path.home() / ".cache/coe"))
    parser.add_argument("--models", type=Path, default=home / "models")
    parser.add_argument("--llama3", type=Path)
    options = parser.parse_args()
    folder = Path(__file__).parent / "tokenization"
    folder.mkdir(exist_ok=True)

    def write(name, value):
        (folder / name).write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")

    def old(name):
        return json.loads((folder / name).read_text()) if (folder / name).exists() else {}

    entries, talks = strings(), conversations()
    if old("strings.json") not in ({}, entries):
        print("the strings changed: ids of vocabularies that are not given are left out", file=sys.stderr)
        ids, chats = {}, {}
    else:
        ids, chats = old("ids.json"), old("conversations.json").get("ids", {})
    templates = {"smollm": CHATML_TEMPLATE, "qwen2": CHATML_TEMPLATE, "llama3": LLAMA3_TEMPLATE,
                 "gemma": GEMMA_TEMPLATE}
    write("gemma_strings.json", gemma_strings())
    for family in ("smollm", "qwen2", "llama3", "gemma"):
        tokenizer = train_gemma() if family == "gemma" else train(family)
        write(f"{family}.json", json.loads(tokenizer.to_str()))
        bos, eos = {"llama3": ("<|begin_of_text|>", "<|eot_id|>"), "gemma": ("<bos>", "<eos>")}.get(family, (None, "<|im_end|>"))
        write(f"{family}_config.json", {"bos_token": bos, "eos_token": eos, "chat_template": templates[family]})
        ids[family] = encodings(tokenizer, entries + (gemma_strings() if family == "gemma" else []))
        chats[family] = chat_ids(tokenizer, templates[family], talks)
        if family == "llama3":
            undated = chat_ids(tokenizer, LLAMA3_PLAIN_TEMPLATE, talks)
    chats["llama3-undated"] = undated
    for name, family in (("SmolLM2-135M-Instruct-Q4_1.gguf", "smollm"), ("Qwen2.5-Coder-0.5B-Instruct-Q4_K_M.gguf", "qwen2")):
        if (options.models / name).exists():
            tokenizer, template = from_gguf(options.models / name, family)
            ids[name] = encodings(tokenizer, entries)
            chats[name] = chat_ids(tokenizer, template, talks)
    gemma = options.models / "gemma-3-270m-Q4_K_M.gguf"
    if gemma.exists():
        ids[gemma.name] = encodings(gemma_from_gguf(gemma), entries + gemma_strings())
    if options.llama3:
        tokenizer = from_tiktoken(str(options.llama3))
        if not (options.models / "llama3-tokenizer.json").exists():
            tokenizer.save(str(options.models / "llama3-tokenizer.json"))
        ids["llama3-tokenizer.json"] = encodings(tokenizer, entries)
    write("strings.json", entries)
    write("ids.json", ids)
    write("conversations.json", {"conversations": talks, "date": DATE, "ids": chats})


if __name__ == "__main__":
    main()
