"""What `coe bench inference|episodes --peer-python` and `--llama-python` run beside this engine, in the same run.
# SPDX-License-Identifier: Apache-2.0

    bench-peers.py inference transformers|llama.cpp  MODEL.gguf ROUNDS THREADS
    bench-peers.py episodes  transformers|llama.cpp  MODEL.gguf WORKLOAD.json THREADS

`transformers` needs torch, transformers and gguf; `llama.cpp` needs llama-cpp-python (for episodes with its server).
One JSON object on standard output.
"""
import ctypes, json, os, signal, socket, statistics, subprocess, sys, threading, time, urllib.request

PROMPT, CONTEXT, STEPS, BATCHES = 512, 256, 16, (1, 4, 16, 64)


def end_with_parent():
    """SIGTERM ends this process, also where it was started with the signal blocked; on Linux it comes when whoever
    started it is gone."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def rows(prefill, decode, vocabulary, rounds):
    """Tokens a second; the first round warms up."""
    ids = [(i * 7919) % vocabulary for i in range(PROMPT)]
    samples = {}
    for index in range(rounds + 1):
        for name, tokens, run in [(f"prefill {PROMPT}", PROMPT, lambda: prefill(ids))] + [
            (f"decode batch {n}", n * STEPS, lambda n=n: decode(ids[:CONTEXT], ids[7], n)) for n in BATCHES
        ]:
            seconds = run()
            if index:
                samples.setdefault(name, []).append(tokens / seconds)
    return [{"name": name, "tokensPerSecond": statistics.median(rates), "slowest": min(rates), "fastest": max(rates)}
            for name, rates in samples.items()]


def transformers_model(path, threads):
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    folder, file = os.path.split(path)
    return torch, AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32).eval()


def transformers_inference(path, rounds, threads):
    torch, model = transformers_model(path, threads)

    def generate(ids, count):
        start = time.perf_counter()
        model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, min_new_tokens=count,
                       do_sample=False, pad_token_id=0)
        return time.perf_counter() - start

    def prefill(ids):
        return generate(torch.tensor([ids]), 1)

    def decode(ids, _, batch):
        # What `generate` takes for the tokens after the first.
        ids = torch.tensor([ids] * batch)
        return max(generate(ids, STEPS + 1) - generate(ids, 1), 1e-9)

    return rows(prefill, decode, model.config.vocab_size, rounds)


def llama_inference(path, rounds, threads):
    import llama_cpp as l

    quiet = l.llama_log_callback(lambda *_: None)
    l.llama_log_set(quiet, None)
    l.llama_backend_init()
    model = l.llama_model_load_from_file(path.encode(), l.llama_model_default_params())
    vocabulary = l.llama_vocab_n_tokens(l.llama_model_get_vocab(model))

    def context(sequences, length):
        parameters = l.llama_context_default_params()
        parameters.n_seq_max = sequences
        parameters.n_ctx = sequences * length
        parameters.n_batch = parameters.n_ubatch = 512
        parameters.n_threads = parameters.n_threads_batch = threads
        return l.llama_init_from_model(model, parameters)

    def run(ctx, items):
        """items: (token, position, sequence, wants logits)"""
        batch = l.llama_batch_init(len(items), 0, 1)
        batch.n_tokens = len(items)
        for i, (token, position, sequence, wanted) in enumerate(items):
            batch.token[i], batch.pos[i], batch.n_seq_id[i] = token, position, 1
            batch.seq_id[i][0], batch.logits[i] = sequence, wanted
        if l.llama_decode(ctx, batch):
            raise RuntimeError("llama_decode failed")
        l.llama_synchronize(ctx)
        l.llama_batch_free(batch)

    def prefill(ids):
        ctx = context(1, 1024)
        start = time.perf_counter()
        run(ctx, [(t, i, 0, i == len(ids) - 1) for i, t in enumerate(ids)])
        seconds = time.perf_counter() - start
        l.llama_free(ctx)
        return seconds

    def decode(ids, token, batch):
        ctx = context(batch, CONTEXT + STEPS + 16)
        run(ctx, [(t, i, 0, False) for i, t in enumerate(ids)])
        for sequence in range(1, batch):
            l.llama_memory_seq_cp(l.llama_get_memory(ctx), 0, sequence, -1, -1)
        start = time.perf_counter()
        for step in range(STEPS):
            run(ctx, [(token, len(ids) + step, sequence, True) for sequence in range(batch)])
        seconds = time.perf_counter() - start
        l.llama_free(ctx)
        return seconds

    return rows(prefill, decode, vocabulary, rounds)


def test(turn):
    """The tests of a turn, as a loop in Python runs them."""
    try:
        subprocess.run([sys.executable, "-I", "-c", turn["script"]], capture_output=True, timeout=10)
    except subprocess.TimeoutExpired:
        pass


def transformers_episodes(path, workload, threads):
    """Each group is a batch; each turn generates from the whole conversation so far, as `generate` does."""
    torch, model = transformers_model(path, threads)
    start = time.perf_counter()
    for group in workload["groups"]:
        contexts = [[] for _ in group]
        for number in range(max(len(episode) for episode in group)):
            live = [i for i, episode in enumerate(group) if number < len(episode)]
            for i in live:
                contexts[i] += group[i][number]["prompt"]
            width = max(len(contexts[i]) for i in live)
            ids = torch.tensor([[0] * (width - len(contexts[i])) + contexts[i] for i in live])
            mask = torch.tensor([[0] * (width - len(contexts[i])) + [1] * len(contexts[i]) for i in live])
            count = max(len(group[i][number]["written"]) for i in live)
            model.generate(ids, attention_mask=mask, max_new_tokens=count, min_new_tokens=count, do_sample=True,
                           pad_token_id=0)
            for i in live:
                contexts[i] += group[i][number]["written"]
                test(group[i][number])
    return time.perf_counter() - start


def llama_episodes(path, workload, threads):
    """Its server with the prompt cache; the episodes of a group ask at the same time."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "llama_cpp.server", "--model", path, "--n_ctx", "4096", "--n_threads", str(threads),
         "--cache", "true", "--host", "127.0.0.1", "--port", str(port), "--verbose", "false"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=end_with_parent)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=1).read()
                break
            except OSError:
                time.sleep(0.2)
        start = time.perf_counter()

        def play(episode):
            text = ""
            for turn in episode:
                text += turn["text"]
                body = {"prompt": text, "max_tokens": len(turn["written"]), "temperature": 1.0}
                request = urllib.request.Request(
                    f"http://127.0.0.1:{port}/v1/completions", json.dumps(body).encode(),
                    {"Content-Type": "application/json"})
                urllib.request.urlopen(request, timeout=600).read()
                text += turn["answer"]
                test(turn)

        for group in workload["groups"]:
            players = [threading.Thread(target=play, args=(episode,)) for episode in group]
            for player in players:
                player.start()
            for player in players:
                player.join()
        return time.perf_counter() - start
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    kind, library, path, argument, threads = sys.argv[1:]
    # A benchmark that is stopped leaves neither this process nor a server of its own behind.
    end_with_parent()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if kind == "inference":
        run = {"transformers": transformers_inference, "llama.cpp": llama_inference}[library]
        print(json.dumps({"rows": run(path, int(argument), int(threads))}))
    else:
        run = {"transformers": transformers_episodes, "llama.cpp": llama_episodes}[library]
        with open(argument) as file:
            print(json.dumps({"seconds": run(path, json.load(file), int(threads))}))
