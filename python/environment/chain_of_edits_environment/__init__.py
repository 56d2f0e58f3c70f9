# SPDX-License-Identifier: Apache-2.0
"""The Chain-of-Edits environment for Python: a server that starts itself, and adapters to RL frameworks.

The base package needs no other. Each adapter needs its framework (`pip install "chain-of-edits-environment[trl]"`):

- `Server`, `Session`: the server as a process, and a typed client of it; no dependency.
- `ChainOfEditsEnv`: a client of OpenEnv (extra `openenv`).
- `load_environment`: a multi-turn environment of verifiers (extra `verifiers`).
- `environment_factory`, `rollout_func`: for TRL's `GRPOTrainer` (extra `trl`).
- `ChainOfEditsGymEnv`: an environment of Gymnasium, registered as `ChainOfEdits-v0` (extra `gymnasium`).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .client import Message, Observation, RequestError, Result, Session
from .server import Server, ServerError, binary

if TYPE_CHECKING:
    from .gymnasium_env import ChainOfEditsGymEnv as ChainOfEditsGymEnv
    from .openenv_client import Action as Action, ChainOfEditsEnv as ChainOfEditsEnv
    from .trl_env import environment_factory as environment_factory, episode_reward as episode_reward
    from .trl_env import rollout_func as rollout_func
    from .verifiers_env import load_environment as load_environment

__all__ = ["Message", "Observation", "RequestError", "Result", "Server", "ServerError", "Session", "binary"]

# The adapters import their frameworks, so they are read when they are used, and `import *` leaves them out.
_ADAPTERS = {
    "Action": "openenv_client",
    "ChainOfEditsEnv": "openenv_client",
    "ChainOfEditsGymEnv": "gymnasium_env",
    "environment_factory": "trl_env",
    "episode_reward": "trl_env",
    "load_environment": "verifiers_env",
    "rollout_func": "trl_env",
}


def __getattr__(name: str) -> Any:
    module = _ADAPTERS.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f".{module}", __name__), name)
    except ModuleNotFoundError as error:
        extra = module.split("_")[0]
        if (error.name or "").startswith(__name__):
            raise
        raise ImportError(
            f"{name} needs the package {error.name}: pip install 'chain-of-edits-environment[{extra}]'"
        ) from error


def __dir__() -> list[str]:
    return sorted([*globals(), *_ADAPTERS])
