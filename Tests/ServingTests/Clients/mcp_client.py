"""Plays an episode with a client of MCP that knows nothing of OpenEnv: mcp_client.py URL."""

import asyncio
import sys

from fastmcp import Client


async def main():
    async with Client(f"{sys.argv[1]}/mcp") as client:
        tools = {tool.name for tool in await client.list_tools()}
        assert tools == {"new_task", "run_command", "show_state"}, tools
        first = await client.call_tool("new_task", {"seed": 1})
        assert "got -1, want 3" in first.content[0].text, first
        second = await client.call_tool("run_command", {"command": "### REPW 2 >>>- >>>+"})
        assert second.structured_content["reward"] == 1, second
        shown = await client.call_tool("show_state", {})
        assert "a + b" in shown.content[0].text, shown
        last = await client.call_tool("run_command", {"command": "### EXIT"})
        assert last.structured_content["done"], last


asyncio.run(main())
print("1 episode")
