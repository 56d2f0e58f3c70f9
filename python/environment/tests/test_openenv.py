# SPDX-License-Identifier: Apache-2.0
import asyncio
import os

import pytest

pytest.importorskip("openenv")

from chain_of_edits_environment import Action, ChainOfEditsEnv, Server  # noqa: E402


def test_openenvs_client_starts_a_server_and_ends_it(task, fix):
    client = ChainOfEditsEnv()
    with client.sync() as env:
        assert env.reset(task=task).observation.turn == 0
        result = env.step(Action(fix))
        assert result.done and result.reward == 1 and result.observation.solved
        pid = client._provider._server._process.pid
    assert not os.path.exists(f"/proc/{pid}")


def test_many_sessions_at_once(task, fix):
    async def episode(url):
        async with ChainOfEditsEnv(url) as env:
            await env.reset(task=task)
            return (await env.step(Action(fix))).reward

    async def all_of_them(url):
        return await asyncio.gather(*(episode(url) for _ in range(10)))

    with Server() as server:
        assert asyncio.run(all_of_them(server.url)) == [1] * 10


def test_options_for_a_server_that_runs_already_are_refused():
    with pytest.raises(ValueError, match="base_url"):
        ChainOfEditsEnv("http://127.0.0.1:1", tool="countdown")
