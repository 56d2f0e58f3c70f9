"""Writes the first inputs of Fuzz/run that no other fixture gives: python3 make_fuzz.py"""
import base64, gzip, json, pathlib, struct

HERE = pathlib.Path(__file__).parent
OUT = HERE / "fuzz"


def put(reader, name, data):
    (OUT / reader).mkdir(parents=True, exist_ok=True)
    (OUT / reader / name).write_bytes(data if isinstance(data, bytes) else data.encode())


# Task files and demonstrations.
task = {"id": "add", "prompt": "", "program": "def add(a, b):\n    return a - b\n", "tests": ["assert add(1, 2) == 3"],
        "hidden_tests": ["assert add(0, 1) == 1"], "setup": "", "reference": "def add(a, b):\n    return a + b\n",
        "module_name": "m", "meta": {"lev_nearest_passing": 1}}
game = {"id": "g", "tool": "countdown", "numbers": [2, 3, 25], "target": 50}
demonstration = {
    "id": "add#1-0", "task": task, "messages": [
        {"role": "user", "content": "Program"}, {"role": "assistant", "content": "### DELL 1", "learn": False},
        {"role": "user", "content": "***"}, {"role": "assistant", "content": "### REPW 2 >>>- >>>+", "learn": True}],
    "meta": {"kind": "recovery", "source": "add", "operators": ["operator"], "failure": "AssertionError",
             "editDistance": 1, "commands": 1, "state": "brief", "family": "mixed", "seed": 1, "index": 0}}
put("jsonl", "tasks", json.dumps(task) + "\n" + json.dumps(game) + "\n")
put("jsonl", "demonstration", json.dumps(demonstration) + "\n")
put("jsonl", "packed", gzip.compress((json.dumps(game) + "\n").encode(), mtime=0))

# Traces and metrics.
verdict = {"checks": [{"name": "t", "outcome": "failed", "note": "got 1", "line": 2}], "failure": "f", "feedback": "no",
           "passed": False, "hiddenPassed": False, "progress": 0.5, "seconds": 0.1}
solved = dict(verdict, passed=True, hiddenPassed=True, progress=1, checks=[])
trace = {
    "version": 2, "task": "add", "tool": "python", "sample": 0, "seed": 7, "method": "coe", "policy": "p",
    "initialState": "x = 1\n", "initialVerdict": verdict, "initialDistance": 3, "movedDistance": 4, "exit": "passed",
    "rules": {"editPenalty": 0.2, "firstPass": 1, "inapplicable": -0.5, "malformed": -0.5, "noExit": 0, "progress": 0.5},
    "seconds": 1.5, "turns": [
        {"command": "### DELL 1", "effect": "changed", "state": "", "feedback": "***\nno", "distance": 2,
         "verdict": verdict, "completion": {
             "finish": "stop", "text": "### DELL 1", "promptTokenIDs": [1, 2], "tokenIDs": [3], "resamples": 1,
             "logProbabilities": [-0.5], "usage": {"promptTokens": 2, "completionTokens": 1}}},
        {"error": "no command", "verdict": solved, "completion": {
            "finish": "length", "text": "x", "promptTokenIDs": [], "tokenIDs": [], "logProbabilities": []}}]}
put("trace", "trace", json.dumps(trace) + "\n" + json.dumps(dict(trace, sample=1, exit="turnLimit")) + "\n")
put("trace", "metrics", "".join(json.dumps({"step": s, "loss": 1 / s, "reward": -s}) + "\n" for s in (1, 2, 30)))

# A program, then commands, each behind a NUL.
put("commands", "editor", "x = 1\ny = 2\n\0### REPW 2 >>>2 >>>22\0### ADDL 3 >>>z\0### REPL 1 >>>x\0### DELL 2\0### EXIT")
put("commands", "ends", "a\r\nb\rc\0### DELL 2\0### ADDL 4 >>>\u00e9\0text\n### REPW 1 >>>a >>>a >>>\n")
put("commands", "game", "\0### 25 * 2\0### 3 - 2\0### UNDO\0### 25 / 3\0### EXIT")
put("commands", "answer", "\0<think>no</think>\n```python\nx = 1\n```\n```\ny\n```")
put("commands", "schema", '\0{"type":"object","properties":{"a":{"type":"integer"},"b":{"enum":[1,"x"]}},"required":["a"]}'
    '\0{"anyOf":[{"const":null},{"type":"array","items":{"type":["string","number"]}}]}')

# Requests.
def request(line, body="", headers=""):
    length = "Content-Length: %d\r\n" % len(body) if body else ""
    return "%s HTTP/1.1\r\nHost: localhost\r\n%s%s\r\n%s" % (line, headers, length, body)

def rpc(method, params, id=1):
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params})

messages = [
    json.dumps({"type": "reset", "data": {"seed": 3, "episode_id": "e"}}),
    json.dumps({"type": "reset", "data": {"task": game}}),
    json.dumps({"type": "step", "data": {"command": "### 25 * 2"}}), json.dumps({"type": "state"}),
    json.dumps({"type": "mcp", "data": json.loads(rpc("tools/list", {}))}), json.dumps({"type": "close"})]
calls = [rpc("initialize", {"protocolVersion": "2025-06-18"}), rpc("openenv/session/create", {}, "a"),
         rpc("tools/call", {"name": "new_task", "arguments": {"seed": 1, "task_id": "c"}}),
         rpc("tools/call", {"name": "run_command", "arguments": {"command": "### 3 - 2"}}), rpc("ping", None)]
put("http", "gets", "".join(request("GET " + p) for p in ["/health", "/state?session_id=a%20b&c", "/schema", "/tasks"]))
put("http", "reset", request("POST /reset", '{"seed":7,"task":%s}' % json.dumps(game)) + request("POST /reset", "{}"))
put("http", "step", request("POST /step", '{"action":{"command":"### 25 * 2","metadata":{}},"timeout_s":5,"request_id":"r"}'))
put("http", "mcp", "".join(request("POST /mcp", c) for c in calls) + request("DELETE /mcp", headers="Mcp-Session-Id: x\r\n"))
put("http", "chunks", "POST /reset HTTP/1.1\r\nhost: [::1]:80\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\n{\r\n1\r\n}\r\n0\r\n\r\n")
put("http", "others", "GET / HTTP/1.0\r\nHost: 127.0.0.1:80\r\nOrigin: http://127.0.0.1:80\r\nExpect: 100-continue\r\n\r\n"
    + request("PUT /x", "y", "Authorization: Bearer abc\r\nConnection: close\r\n"))
put("http", "upgrade", request("GET /ws?session_id=a", headers="Connection: upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n"))

# Frames with a mask of zeros, so that their text can be read; the first byte chooses /ws or /mcp.
def frame(data, opcode=1, end=True, mask=bytes(4)):
    data = data.encode() if isinstance(data, str) else data
    size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data))
    return bytes([(0x80 if end else 0) | opcode]) + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))

put("websocket", "messages", b"\0" + b"".join(map(frame, messages)))
put("websocket", "calls", b"\1" + b"".join(map(frame, calls)))
put("websocket", "control", b"\0" + frame("a", 9) + frame("", 10) + frame('{"type":', 1, False) + frame("b", 9)
    + frame('"state"}', 0) + frame(b"\x03\xe8", 8))
put("websocket", "masked", b"\0" + frame(messages[3], mask=b"abcd") + frame(b"\0\1", 2) + frame(b"\xff", 1))

# Requests to the model's server.
put("completion", "chat", '{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"x"}]}],"max_tokens":2,'
    '"temperature":1,"stop":["a"],"stream":true,"stream_options":{"include_usage":true},"n":2,"seed":-1}')
put("completion", "prompt", '{"prompt":[[1,2],[3]],"logprobs":1,"top_p":0.5,"stop":"a","tools":[],"logit_bias":{}}')

# What workers say.
outcome = {"name": "t", "status": "failed", "message": "m", "got": "1", "want": "2", "errorType": "E",
           "errorMessage": "e", "line": 2}
put("jail", "answer", json.dumps({"nonce": "a", "tests": [outcome, dict(outcome, status="refused")], "seconds": 0.1,
    "hiddenTests": [], "output": "o", "programError": {"type": "SyntaxError", "message": "m", "line": 1, "column": 2}}))
definition = {"name": "C.f", "kind": "function", "first": 11, "last": 20, "calls": ["g"], "doc": "d"}
put("jail", "outline", "\n".join(map(json.dumps, [
    {"functions": [definition, dict(definition, name="g", first=31, last=40), dict(definition, name="C", kind="class")],
     "imports": [[1, 2]], "doc": "d", "tests": [{"id": "t", "statements": [[8, "x = 1", False, 9], [9, "assert f()", True, 9]]}],
     "called": [["f", "g"]]},
    {"outcome": "failed", "sentence": "s", "exitCode": 1, "tests": [
        {"id": "t", "outcome": "failed", "phase": "call", "type": "AssertionError", "message": "m", "testFile": "t.py",
         "testLine": 9, "testSource": "assert f()", "call": "f()", "got": "1", "want": "2", "parameters": {"a": "1"},
         "programLine": 12, "setup": False, "trace": [{"file": "a.py", "line": 12, "function": "f"}], "output": "o"}],
     "program": {"type": "E", "message": "m", "line": 3, "column": 1}, "timedOut": False, "output": "o", "seconds": 1,
     "reached": [1, 12]}, {"ready": True, "kind": "pytest", "python": "3.11"}])))

# A tensor of each type in a few bytes.
types = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "I16": 2, "F16": 2, "BF16": 2, "I32": 4, "F32": 4, "I64": 8, "F64": 8}
header, end = {"__metadata__": {"format": "pt"}}, 0
for name, size in types.items():
    header["t." + name] = {"dtype": name, "shape": [2, 1], "data_offsets": [end, end + 2 * size]}
    end += 2 * size
text = json.dumps(header).encode()
put("safetensors", "types", struct.pack("<Q", len(text)) + text + bytes(end))


def string(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()

def field(name, kind, data):
    return string(name) + struct.pack("<I", kind) + data

def strings(items):
    return struct.pack("<IQ", 8, len(items)) + b"".join(map(string, items))

def gguf(fields, tensors):
    data, places = b"", b""
    for name, shape, kind, size in tensors:
        places += string(name) + struct.pack("<I", len(shape)) + struct.pack("<%dQ" % len(shape), *shape)
        places += struct.pack("<IQ", kind, len(data))
        data += bytes(size) + bytes(-size % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(fields)) + b"".join(fields) + places
    return head + bytes(-len(head) % 32) + data

def vocabulary(model, tokens, kinds, *more):
    return [field("tokenizer.ggml.model", 8, string(model)), field("tokenizer.ggml.tokens", 9, strings(tokens)),
            field("tokenizer.ggml.token_type", 9, struct.pack("<IQ%di" % len(kinds), 5, len(kinds), *kinds)), *more]

sizes = {"block_count": 1, "context_length": 8, "embedding_length": 4, "feed_forward_length": 4, "attention.head_count": 2,
         "attention.head_count_kv": 1, "attention.key_length": 2}
def configuration(name):
    return [field("general.architecture", 8, string(name)), field("general.alignment", 4, struct.pack("<I", 32)),
            field(name + ".attention.layer_norm_rms_epsilon", 6, struct.pack("<f", 1e-5))] + [
                field("%s.%s" % (name, key), 4, struct.pack("<I", value)) for key, value in sizes.items()]

blocks = {0: (1, 4), 1: (1, 2), 30: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 20: (32, 18),
          10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 23: (256, 136)}
tensors = [("token_embd.weight", (4, 3), 0, 48)] + [("t%d" % k, (n, 1), k, b) for k, (n, b) in blocks.items()]
chat = "{% for m in messages %}{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
put("gguf", "llama", gguf(configuration("llama") + vocabulary(
    "gpt2", ["a", "b", "ab", "<|im_start|>", "<|im_end|>"], [1, 1, 1, 3, 3],
    field("tokenizer.ggml.merges", 9, strings(["a b"])), field("tokenizer.ggml.pre", 8, string("smollm")),
    field("tokenizer.ggml.eos_token_id", 4, struct.pack("<I", 4)), field("tokenizer.chat_template", 8, string(chat)),
    field("llama.rope.scaling.type", 8, string("yarn")), field("llama.rope.scaling.factor", 6, struct.pack("<f", 4))), tensors))
pieces = ["<0x%02X>" % byte for byte in range(256)] + ["a", "b", "ab", "\u2581"]
put("gguf", "gemma", gguf(configuration("gemma3") + vocabulary(
    "llama", pieces, [6] * 256 + [1] * 4,
    field("tokenizer.ggml.scores", 9, struct.pack("<IQ260f", 6, 260, *[-i for i in range(260)])),
    field("tokenizer.ggml.add_space_prefix", 7, b"\0"), field("gemma3.attention.sliding_window", 4, struct.pack("<I", 4))),
    tensors[:1]))

# The tokenizers' own files with a few tokens.
for name in ["smollm", "qwen2", "llama3", "gemma"]:
    file = json.loads((HERE / "tokenization" / (name + ".json")).read_text())
    model = file["model"]
    kept = [t for t in model["vocab"] if t.startswith("<0x") or t in ("a", "b", "ab", "\u2581")] or ["a", "b", "ab"]
    model["vocab"] = {token: index for index, token in enumerate(kept)}
    model["merges"] = ["a b"] if {"a", "b", "ab"} <= set(kept) else []
    file["added_tokens"] = [dict(t, id=len(kept) + i) for i, t in enumerate(file["added_tokens"][:3])]
    file["post_processor"] = None
    put("tokenizer", name, json.dumps(file, ensure_ascii=False))
    template = json.loads((HERE / "tokenization" / (name + "_config.json")).read_text()).get("chat_template")
    if template:
        put("template", name, template)
put("template", "all", """{%- set ns = namespace(x=0) -%}{% for m in messages if m.role != 'x' %}{% if loop.first and not m is none %}
{% elif m['content'] | trim | length > 3 %}{% else %}{% endif %}{% set ns.x = ns.x + 1 % 2 // 1 %}{% endfor %}{# c #}
{{ 'a\\n'.strip().split(' ')[0][1:-1] ~ bos_token if add_generation_prompt else [1, {'a': 2}]|first }}
{% set y %}{{ messages|selectattr('role', 'equalto', 'user')|list|join(',') }}{% endset %}{{ range(3) is iterable }}""")

put("config", "gemma3", (HERE / "models/tiny-gemma3/config.json").read_bytes())
put("adapter", "patterns", (HERE / "interop/rslora-patterns/adapter_config.json").read_bytes())
put("adapter", "found-regex", '{"peft_type":"LORA","r":2,"lora_alpha":4,"rank_pattern":{"((a|.)*)*x":4},"alpha_pattern":{"q_proj":1}}')

# What crashed or hung before: found while the harnesses were written.
put("template", "found-not", "{{ " + "not " * 3_000 + "x }}")
put("template", "found-sum", "{{ " + "1+" * 3_000 + "1 }}")
put("template", "found-doubling", "{% set x = [1] %}{% set y = [1] %}"
    + "{% set x = [x, x] %}{% set y = [y, y] %}" * 40 + "{{ x == y }}")
put("template", "found-replace", "{% set x %}" + "a" * 3_000 + "{% endset %}" + "{% set x = x ~ x ~ x ~ x ~ x %}"
    + "{{ x.replace('a', x) }}")
huge = 2 ** 63 - 1
for name, change in [("index", {"index": huge}), ("distance", {"editDistance": huge})]:
    line = json.dumps(dict(demonstration, meta=dict(demonstration["meta"], **change))) + "\n"
    put("jsonl", "found-" + name, line + line.replace("add#1-0", "add#1-1"))
steps = [{"role": "assistant", "content": "### DELL %d" % line, "learn": True} for line in (-huge, huge)]
put("jsonl", "found-lines", json.dumps(dict(demonstration, messages=steps)) + "\n")
put("trace", "found-distances", json.dumps(dict(trace, movedDistance=-huge, initialDistance=huge)) + "\n")
put("trace", "found-progress", json.dumps(dict(trace, initialVerdict=dict(verdict, progress=1e300))) + "\n")
turn = dict(trace["turns"][0], completion=dict(trace["turns"][0]["completion"], logProbabilities=[-1e30]))
put("trace", "found-probability", json.dumps(dict(trace, turns=[turn])) + "\n")
turn = dict(turn, completion=dict(turn["completion"], usage={"promptTokens": 0, "completionTokens": huge}))
put("trace", "found-tokens", json.dumps(dict(trace, turns=[turn, turn])) + "\n")
put("trace", "found-axis", '{"step":100000000000000000,"a":1}\n{"step":100000000000000016,"a":2}\n')
members = {chr(97 + i // 26) + chr(97 + i % 26): {"const": i} for i in range(60)}
put("commands", "found-members", "\0" + json.dumps({"type": "object", "properties": members}))
report = {"outcome": "failed", "tests": [{"id": "t", "outcome": "failed", "programLine": huge}], "reached": [-huge, huge]}
outline = {"functions": [], "imports": [], "tests": [], "called": []}
put("jail", "found-line", json.dumps(report) + "\n" + json.dumps(outline))
for name, lines in [("beyond", {"first": 1_000, "last": 1_010}), ("huge", {"first": 1, "last": huge}),
                    ("negative", {"first": -huge - 1, "last": 5}), ("backwards", {"first": 9, "last": 3})]:
    functions = [dict(definition, name="f", **lines), dict(definition, name="C.f")]
    put("jail", "found-" + name, json.dumps(dict(outline, functions=functions, called=[["f"]])) + "\n" + json.dumps(report))
