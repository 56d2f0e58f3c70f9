# SPDX-License-Identifier: Apache-2.0
"""The peer of `coe bench training`: TRL's SFTTrainer with PEFT on the examples that coe wrote.

    python scripts/bench-trl.py MODEL FOLDER PRECISION BATCH THREADS LEARNING_RATE

MODEL is a GGUF file or a Hugging Face folder, FOLDER holds examples.jsonl (input_ids, labels) and the initial adapter.
Prints one JSON object as its last line. The examples keep their order, so that the losses can be compared.
"""
import json
import os
import resource
import sys
import time

import torch
from datasets import Dataset
from peft import PeftModel
from torch.utils.data import SequentialSampler
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer

path, folder, precision, batch, threads, rate = sys.argv[1:]
torch.set_num_threads(int(threads))
where = ({"pretrained_model_name_or_path": os.path.dirname(path), "gguf_file": os.path.basename(path)}
         if os.path.isfile(path) else {"pretrained_model_name_or_path": path})
tokenizer = AutoTokenizer.from_pretrained(**where)
model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
model.is_quantized = False  # a GGUF's weights were unpacked; else the trainer refuses them
model = PeftModel.from_pretrained(model, f"{folder}/adapter", is_trainable=True)
rows = [json.loads(line) for line in open(f"{folder}/examples.jsonl")]


class InOrder(SFTTrainer):
    def _get_train_sampler(self, *args, **kwargs):
        return SequentialSampler(self.train_dataset)


class Clock(TrainerCallback):
    times, losses = [], []

    def on_step_begin(self, *args, **kwargs):
        self.begin = time.perf_counter()

    def on_step_end(self, *args, **kwargs):
        self.times.append(time.perf_counter() - self.begin)

    def on_log(self, args, state, control, logs=None, **kwargs):
        if "loss" in logs:
            self.losses.append(logs["loss"])


clock = Clock()
arguments = SFTConfig(
    output_dir=f"{folder}/trl", per_device_train_batch_size=int(batch), num_train_epochs=1, learning_rate=float(rate),
    lr_scheduler_type="constant", max_length=None, logging_steps=1, report_to=[], save_strategy="no", use_cpu=True,
    bf16=precision == "bfloat16", gradient_checkpointing=False, max_grad_norm=1.0, weight_decay=0.0,
    dataset_kwargs={"skip_prepare_dataset": True}, remove_unused_columns=False, disable_tqdm=True)


def collate(examples):
    width = max(len(e["input_ids"]) for e in examples)
    pad = lambda values, value: values + [value] * (width - len(values))
    return {"input_ids": torch.tensor([pad(e["input_ids"], tokenizer.eos_token_id) for e in examples]),
            "labels": torch.tensor([pad(e["labels"], -100) for e in examples]),
            "attention_mask": torch.tensor([pad([1] * len(e["input_ids"]), 0) for e in examples])}


trainer = InOrder(model=model, args=arguments, train_dataset=Dataset.from_list(rows), processing_class=tokenizer,
                  data_collator=collate, callbacks=[clock])
trainer.train()
steps = len(clock.times)
hour = len(rows) * (steps - 1) / steps / sum(clock.times[1:]) * 3600
print(json.dumps({
    "trainer": "TRL", "precision": precision, "demonstrationsPerHour": hour,
    "tokensPerSecond": hour / 3600 * sum(len(r["input_ids"]) for r in rows) / len(rows),
    "peakMemoryMB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "losses": clock.losses}))
