"""Plays an episode with OpenEnv's client for tools, whose WebSocket and MCP calls are one session: mcp_tool_client.py URL."""

import asyncio
import sys

from openenv.core.env_server.mcp_types import CallToolAction
from openenv.core.mcp_client import MCPToolClient

url = sys.argv[1]
FIX = "### REPW 2 >>>- >>>+"


async def main():
    async with MCPToolClient(base_url=url) as env:
        result = await env.reset(seed=1, episode_id="ours")
        assert result.observation.episode_id == "ours", result
        tools = {tool.name for tool in await env.list_tools()}
        assert tools == {"new_task", "run_command", "show_state"}, tools
        played = await env.call_tool("run_command", command=FIX)
        assert played["structuredContent"]["observation"]["episode_id"] == "ours", played
        assert played["structuredContent"]["reward"] == 1, played
        state = await env.state()
        assert state.step_count == 1 and state.episode_id == "ours", state
        result = await env.step(CallToolAction(tool_name="run_command", arguments={"command": "### EXIT"}))
        assert result.done and result.observation.solved, result


asyncio.run(main())

with MCPToolClient(base_url=url).sync() as env:
    assert env.reset(seed=1).observation.turn == 0
    assert "a - b" in env.call_tool("show_state")["content"][0]["text"]
print("2 episodes")
