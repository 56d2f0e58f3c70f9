# SPDX-License-Identifier: Apache-2.0
import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

vf = pytest.importorskip("verifiers")


class Model(BaseHTTPRequestHandler):
    """A server of OpenAI's interface whose model always writes the same command."""

    command = ""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        message = {"role": "assistant", "content": type(self).command}
        answer = {
            "id": "1", "object": "chat.completion", "created": 1, "model": "scripted",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def model():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()


@pytest.mark.parametrize("command, reward, solved", [("### REPW 2 >>>- >>>+", 1, 1), ("### EXIT", 0, 0)])
def test_verifiers_loads_plays_and_scores(model, task_file, monkeypatch, command, reward, solved):
    from openai import AsyncOpenAI

    monkeypatch.setattr(Model, "command", command)
    env = vf.load_environment("chain-of-edits-environment", set=task_file, tasks=4, eval_tasks=2)
    assert len(env.get_dataset()) == 4 and "Add." in env.get_dataset()[0]["prompt"][-1]["content"]
    from verifiers.legacy.types import ClientConfig

    import os

    os.environ.setdefault("OPENAI_API_KEY", "none")
    config = ClientConfig(api_key_var="OPENAI_API_KEY", api_base_url=model)
    outputs = asyncio.run(env.evaluate(config, "scripted", num_examples=2, rollouts_per_example=2))["outputs"]
    assert len(outputs) == 4
    assert [output["reward"] for output in outputs] == [reward] * 4
    assert [output["metrics"]["solved"] for output in outputs] == [solved] * 4
