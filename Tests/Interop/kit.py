"""Random models, and coe's servers, for the comparisons of interop.py."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM
from transformers.utils import logging

torch.set_num_threads(1)
logging.disable_progress_bar()
TEXT = [
    "def add(a, b):\n    return a + b\n",
    "for i in range(10):\n\tprint(i)\r\n",
    "héllo wörld 你好 🙂",
    "the quick brown fox " * 3,
]
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHAT = (
    "{% for m in messages %}{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
BASE = dict(
    hidden_size=128,
    intermediate_size=192,
    num_hidden_layers=2,
    num_attention_heads=2,
    num_key_value_heads=1,
    head_dim=64,
    max_position_embeddings=256,
    rms_norm_eps=1e-5,
    tie_word_embeddings=False,
    bos_token_id=None,
    eos_token_id=None,
    pad_token_id=None,
)
KINDS = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
}


def tokenizer():
    result = Tokenizer(models.BPE())
    result.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    result.decoder = decoders.ByteLevel()
    result.train_from_iterator(
        TEXT * 4,
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=SPECIAL,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    return result


def make(path, kind="llama", seed=0, **over):
    """A folder with a random model and a tokenizer; the model."""
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    words = tokenizer()
    words.save(os.path.join(path, "tokenizer.json"))
    write_json(
        path,
        "tokenizer_config.json",
        {
            "bos_token": None,
            "eos_token": "<|im_end|>",
            "add_bos_token": False,
            "chat_template": CHAT,
            "tokenizer_class": "PreTrainedTokenizerFast",
        },
    )
    torch.manual_seed(seed)
    config, model = KINDS[kind]
    settings = {**BASE, "vocab_size": words.get_vocab_size(), **over}
    if kind == "qwen2":
        settings.pop("head_dim")
    model = model(config(**settings)).float()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "norm" in name:
                p.copy_(1 + 0.1 * torch.randn_like(p))
            elif name.endswith("bias"):
                p.copy_(0.3 * torch.randn_like(p))
            else:
                p.copy_(torch.randn_like(p) * (0.5 if "embed" in name else 1.6 / p.shape[-1] ** 0.5))
    model.eval().save_pretrained(path)
    return model


def read_json(path, name):
    with open(os.path.join(path, name)) as file:
        return json.load(file)


def write_json(path, name, value):
    with open(os.path.join(path, name), "w") as file:
        json.dump(value, file)


def edit(path, name, change):
    value = read_json(path, name)
    write_json(path, name, change(value) or value)


def add_token(path, content, number):
    """Adds an ordinary token of any number, as `tokenizers` writes one."""
    flags = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=False)
    edit(path, "tokenizer.json", lambda t: t["added_tokens"].append(dict(id=number, content=content, **flags)))


def greedy(model, ids, count=8):
    """The likeliest tokens and their log-probabilities."""
    ids, tokens, scores = list(ids), [], []
    with torch.no_grad():
        for _ in range(count):
            row = torch.log_softmax(model(torch.tensor([ids])).logits[0, -1].float(), -1)
            token = int(row.argmax())
            tokens.append(token)
            scores.append(float(row[token]))
            ids.append(token)
    return tokens, scores


class Server:
    """coe serve KIND, as long as the with statement lasts."""

    def __init__(self, coe, *arguments, kind="model"):
        probe = socket.socket()
        probe.bind(("127.0.0.1", 0))
        self.port = probe.getsockname()[1]
        probe.close()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = f"server-{self.port}.log"
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen(
                [
                    coe,
                    "serve",
                    kind,
                    *arguments,
                    "--port",
                    str(self.port),
                    *(["--precision", "float32"] if kind == "model" else []),
                ],
                stdout=log,
                stderr=log,
            )

    def __enter__(self):
        for _ in range(1200):
            if self.process.poll() is not None:
                break
            try:
                urllib.request.urlopen(self.url + "/health", timeout=2).read()
                break
            except OSError:
                time.sleep(0.05)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()

    @property
    def refusal(self):
        """The last line that a server wrote which did not start; None for one that runs."""
        if self.process.poll() is None:
            return None
        with open(self.log_path) as log:
            lines = log.read().strip().splitlines()
        if self.process.returncode == 2 and lines:
            return lines[-1]
        return f"exit code {self.process.returncode} without a word: {' '.join(lines[-2:])}"

    def post(self, path, body):
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"content-type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def greedy(self, ids, count=8, model=None):
        body = {"prompt": list(ids), "max_tokens": count, "temperature": 0, "logprobs": 1, "return_token_ids": True}
        if model:
            body["model"] = model
        status, answer = self.post("/v1/completions", body)
        if status != 200:
            return f"{status}: {answer['error']['message']}"
        choice = answer["choices"][0]
        return choice["token_ids"], choice["logprobs"]["token_logprobs"]


def run(coe, *arguments):
    done = subprocess.run([coe, *arguments], capture_output=True, text=True, timeout=600)
    return done.returncode, done.stdout, done.stderr
