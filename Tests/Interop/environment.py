"""The part `openenv` of interop.py: each client class of the openenv package on `coe serve env` and `model`."""

import asyncio
import json
import re
import urllib.request

from openenv import AutoEnv
from openenv.core import EnvClient, GenericAction, GenericEnvClient, MCPClientBase, MCPToolClient, OpenAIClient
from openenv.core.client_types import StepResult
from openenv.core.env_server.mcp_types import CallToolAction

from kit import *

TASK = {
    "id": "add",
    "prompt": "Add two numbers.",
    "program": "def add(a, b):\n    return a - b\n",
    "tests": ["assert add(1, 2) == 3"],
    "reference": "def add(a, b):\n    return a + b\n",
}
FIX, EXIT = "### REPW 2 >>>- >>>+", "### EXIT"


class Typed(EnvClient):
    """A client of one's own, as OpenEnv's guide writes it."""

    def _step_payload(self, action):
        return {"command": action}

    def _parse_result(self, payload):
        return StepResult(payload["observation"], payload.get("reward"), payload.get("done", False))

    def _parse_state(self, payload):
        return payload


def sessions(server):
    text = urllib.request.urlopen(server.url + "/metrics").read().decode()
    return int(re.search(r"^coe_sessions (\d+)", text, re.M)[1])


def settled(server, count):
    """Whether the server soon counts that many sessions."""
    for _ in range(100):
        if sessions(server) == count:
            return True
        time.sleep(0.05)
    return False


def rpc(server, method, **params):
    return server.post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})[1]


def openenv(coe, row):
    def check(kind, expected, play):
        """A row: what the clients saw beside what they should; an exception of theirs is a wrong answer here."""
        try:
            seen = play()
            seen = asyncio.run(seen) if asyncio.iscoroutine(seen) else seen
        except Exception as error:
            seen = f"{type(error).__name__}: {error}"
        cell = [value if isinstance(value, list) else [value] for value in (expected, seen)]
        row(f"openenv: {kind}", (cell[0], []), (cell[1], []), seen == expected)

    def refused(kind, play):
        """A row: what a client is told that asks for something which must not work."""
        try:
            seen = play()
            seen = asyncio.run(seen) if asyncio.iscoroutine(seen) else seen
            row(f"openenv: {kind}", "an error", (["answered", str(seen)], []), False)
        except Exception as error:
            row(f"openenv: {kind}", "an error", f"{type(error).__name__}: {error}", False)

    with open("tasks.jsonl", "w") as file:
        file.write(json.dumps(TASK) + "\n")
    serve = ["--set", "tasks.jsonl", "--until-exit"]
    episode = [None, 1, "a + b", 1, True]

    async def played(client, *commands):
        """The rewards of an episode and whether it ended."""
        first = await client.reset(seed=1)
        fixed = await client.step(commands[0])
        state = await client.state()
        last = await client.step(commands[1])
        steps = state["step_count"] if isinstance(state, dict) else state.step_count
        seen = fixed.observation if isinstance(fixed.observation, dict) else fixed.observation.model_dump()
        return [first.reward, fixed.reward, "a + b" if "a + b" in str(seen) else str(seen), steps, last.done]

    with Server(coe, *serve, "--sessions", "1", kind="env") as server:
        if server.refusal:
            return row("openenv: the server starts", "yes", (server.refusal, []), False)
        url = server.url

        async def generic():
            async with GenericEnvClient(base_url=url) as client:
                return [
                    *await played(client, {"command": FIX}, {"command": EXIT}),
                    *await played(client, GenericAction(command=FIX), GenericAction(command=EXIT)),
                    sessions(server),
                ]

        async def typed():
            async with Typed(base_url=url) as client:
                return [*await played(client, FIX, EXIT), *await played(client, FIX, EXIT)]

        def sync():
            with GenericEnvClient(base_url=url).sync() as client:
                client.reset(seed=1)
                rewards = [client.step({"command": FIX}).reward, client.step({"command": EXIT}).done]
                client.reset(seed=1)
                return rewards + [client.step({"command": FIX}).reward, client.state()["step_count"]]

        async def auto():
            async with AutoEnv.from_env("chain-of-edits", base_url=url, skip_install=True) as client:
                return await played(client, {"command": FIX}, {"command": EXIT})

        def action(command):
            return CallToolAction(tool_name="run_command", arguments={"command": command})

        async def base():
            async with MCPClientBase(base_url=url) as client:
                return [
                    *await played(client, action(FIX), action(EXIT)),
                    len(await client.list_tools()),
                    sessions(server),
                ]

        async def tools():
            async with MCPToolClient(base_url=url) as client:
                schema = (await client.get_tool("run_command")).input_schema
                return [
                    sorted(tool.name for tool in await client.list_tools()),
                    list(schema["properties"]),
                    schema["required"],
                    await client.has_tool("run_command"),
                    await client.has_tool("fly"),
                ]

        async def one_place():
            async with MCPToolClient(base_url=url) as client:
                seen = []
                for number in ["first", "second"]:
                    await client.reset(seed=1, episode_id=number)
                    await client.call_tool("run_command", command=FIX)
                    state = await client.state()
                    shown = await client.call_tool("show_state")
                    last = await client.call_tool("run_command", command=EXIT)
                    seen += [
                        state.episode_id,
                        state.step_count,
                        "a + b" in str(shown),
                        last["structuredContent"]["done"],
                        sessions(server),
                    ]
                return seen

        async def tool_steps():
            async with MCPToolClient(base_url=url) as client:
                return [
                    *await played(client, action(FIX), action(EXIT)),
                    *await played(client, action(FIX), action(EXIT)),
                ]

        def sync_tools():
            with MCPToolClient(base_url=url).sync() as client:
                client.reset(seed=1)
                client.call_tool("run_command", command=FIX)
                return ["a + b" in str(client.call_tool("show_state")), client.state().step_count, sessions(server)]

        check("GenericEnvClient, GenericAction: two episodes, one session", episode + episode + [1], generic)
        check("EnvClient's subclass: two episodes", episode + episode, typed)
        check("SyncEnvClient: two episodes", [1, True, 1, 1], sync)
        check("AutoEnv with base_url: an episode", episode, auto)
        check("MCPClientBase: an episode, 3 tools, one session", episode + [3, 1], base)
        check(
            "MCPToolClient: tools and their arguments",
            [["new_task", "run_command", "show_state"], ["command"], ["command"], True, False],
            tools,
        )
        check(
            "MCPToolClient: two episodes over /ws and /mcp are one session",
            ["first", 1, True, True, 1, "second", 1, True, True, 1],
            one_place,
        )
        check("MCPToolClient: two episodes by step(CallToolAction)", episode + episode, tool_steps)
        check("MCPToolClient.sync(): /ws and /mcp are one session", [True, 1, 1], sync_tools)
        check("no session is left after all these clients", True, lambda: settled(server, 0))

        async def over():
            async with MCPToolClient(base_url=url) as client:
                child = await client.new_session()
                return await child.reset(seed=1)

        refused("MCPToolClient.new_session() on a server with one place", over)

        async def unknown_tool():
            async with MCPToolClient(base_url=url) as client:
                await client.reset(seed=1)
                return await client.call_tool("fly")

        async def after_close():
            client = MCPToolClient(base_url=url)
            await client.connect()
            await client.reset(seed=1)
            name = client._production_session_id
            await client.close()
            answer = rpc(server, "tools/call", session_id=name, name="show_state", arguments={})
            raise RuntimeError(answer["error"]["message"])

        def named(name):
            """A WebSocket and a call of MCP with an id that nobody gave out."""

            async def connected():
                client = GenericEnvClient(base_url=url)
                client._ws_url += f"?session_id={name}"
                async with client:
                    return await client.reset(seed=1)

            return connected

        async def mcp_unknown():
            client = MCPToolClient(base_url=url)
            client._production_session_id = "nobody"
            try:
                return await client.call_tool("show_state")
            finally:
                client._production_session_id = None
                await client.close()

        refused("MCPToolClient: an unknown tool", unknown_tool)
        refused("MCPToolClient: the id of a closed session", after_close)
        refused("/ws with an unknown session_id", named("nobody"))
        refused("/mcp with an unknown session_id", mcp_unknown)

        async def twice():
            async with MCPToolClient(base_url=url) as client:
                return await named(client._production_session_id)()

        refused("/ws twice with one session_id", twice)
        check("no session is left after the refusals", True, lambda: settled(server, 0))

    with Server(coe, *serve, "--sessions", "2", kind="env") as server:

        async def apart():
            async with MCPToolClient(base_url=server.url) as client:
                child = await client.new_session()
                await asyncio.gather(client.reset(seed=1), child.reset(seed=1))
                await client.call_tool("run_command", command=FIX)
                return [(await client.state()).step_count, (await child.state()).step_count, sessions(server)]

        check("MCPToolClient.new_session(): two sessions, apart", [1, 0, 2], apart)

    with Server(coe, *serve, "--token", "0123456789abcdef", kind="env") as server:

        async def guarded(**headers):
            async with MCPToolClient(base_url=server.url, headers=headers) as client:
                await client.reset(seed=1)
                return (await client.call_tool("run_command", command=FIX))["structuredContent"]["reward"]

        check(
            "MCPToolClient with a token in its headers", 1, lambda: guarded(Authorization="Bearer 0123456789abcdef")
        )
        refused("MCPToolClient without the token", guarded)

    make("base")
    with Server(coe, "--model", "base", "--adapter", "none") as server:
        turns = [{"role": "user", "content": "hi"}]
        _, answer = server.post("/v1/chat/completions", {"messages": turns, "max_tokens": 6, "temperature": 0})

        def client():
            return OpenAIClient(server.url, None, model="base", max_tokens=6)

        check(
            "OpenAIClient.complete on serve model",
            answer["choices"][0]["message"]["content"],
            lambda: client().complete("hi"),
        )
        tool = {"name": "add", "description": "adds", "input_schema": {"type": "object", "properties": {}}}
        refused(
            "OpenAIClient.complete_with_tools on serve model", lambda: client().complete_with_tools(turns, [tool])
        )
