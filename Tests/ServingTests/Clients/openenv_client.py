"""Plays whole episodes with OpenEnv's own client: openenv_client.py URL [TOKEN]. Exit code 0 when all is as it should be."""

import asyncio
import sys

from openenv import GenericEnvClient

url = sys.argv[1]
headers = {"Authorization": f"Bearer {sys.argv[2]}"} if len(sys.argv) > 2 else None
FIX = "### REPW 2 >>>- >>>+"


async def episode(number):
    async with GenericEnvClient(base_url=url, headers=headers) as env:
        for _ in range(3):
            result = await env.reset(seed=number, episode_id=f"e{number}")
            assert result.reward is None and not result.done, result
            assert result.observation["episode_id"] == f"e{number}", result
            result = await env.step({"command": "### DELL 99"})
            assert result.reward == 0 and "99" in result.observation["error"], result
            result = await env.step({"command": FIX})
            assert result.reward == 1 and result.observation["passed"], result
            state = await env.state()
            assert state["step_count"] == 2 and state["episode_id"] == f"e{number}", state
            result = await env.step({"command": "### EXIT"})
            assert result.done and result.observation["solved"], result
            assert result.observation["total_reward"] == 1, result


async def main():
    await asyncio.gather(*(episode(number) for number in range(20)))


asyncio.run(main())

# The client without async.
with GenericEnvClient(base_url=url, headers=headers).sync() as env:
    assert env.reset(seed=1).observation["turn"] == 0
    try:
        env.step({"colour": "red"})
        raise SystemExit("an invalid action was taken")
    except RuntimeError as error:
        assert "VALIDATION_ERROR" in str(error), error
    assert env.step({"command": FIX}).reward == 1
print("61 episodes")
