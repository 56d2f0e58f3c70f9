# SPDX-License-Identifier: Apache-2.0
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import fields

import pytest

from chain_of_edits_environment import Observation, RequestError, Server, ServerError, Session


@pytest.fixture(scope="module")
def server():
    with Server() as server:
        yield server


def test_an_episode_of_ones_own_task(server, task, fix):
    with Session(server) as session:
        first = session.reset(task=task)
        assert first.reward is None and not first.done
        assert [message["role"] for message in first.observation.messages] == ["system", "user"]
        wrong = session.step("### DELL 99")
        assert wrong.reward == 0 and "99" in wrong.observation.error and not wrong.done
        last = session.step(fix)
        assert last.reward == 1 and last.done and last.observation.solved is True
        assert last.observation.state == "def add(a, b):\n    return a + b\n"
        with pytest.raises(RequestError, match="over"):
            session.step("### EXIT")


def test_the_same_seed_gives_the_same_episode(server):
    with Session(server) as one, Session(server) as other:
        assert one.reset(seed=5).observation.state == other.reset(seed=5).observation.state


def test_refusals_are_the_servers_sentences(server):
    with Session(server) as session:
        with pytest.raises(RequestError, match='no task "nope"'):
            session.reset(task_id="nope")
        with pytest.raises(RequestError):
            session.reset(task={"id": "x"})
        # The session is as good as before.
        assert session.reset(seed=1).observation.turn == 0


def test_the_observation_has_the_fields_of_the_servers_schema(server):
    with urllib.request.urlopen(f"{server.url}/schema") as answer:
        served = set(json.load(answer)["observation"]["properties"])
    assert {field.name for field in fields(Observation)} == served - {"done", "reward", "metadata"}


def test_other_tools():
    with Session(tool="countdown") as session:
        observation = session.reset(seed=1).observation
        assert observation.tool == "countdown" and "Target" in observation.messages[-1]["content"]


def test_a_server_that_cannot_start_says_why():
    with pytest.raises(ServerError, match="no such file"):
        Server(set="/there/is/none.jsonl")


def test_the_server_ends_with_its_python_even_when_that_is_killed():
    script = "from chain_of_edits_environment import Server\ns = Server()\nprint(s._process.pid, flush=True)\ninput()"
    python = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        pid = int(python.stdout.readline())
        python.send_signal(signal.SIGKILL)
        python.wait()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and os.path.exists(f"/proc/{pid}"):
            time.sleep(0.05)
        assert not os.path.exists(f"/proc/{pid}")
    finally:
        python.kill()
        python.communicate()


def test_close_ends_the_server():
    server = Server()
    pid = server._process.pid
    server.close()
    server.close()
    assert not os.path.exists(f"/proc/{pid}") and not server.is_running
