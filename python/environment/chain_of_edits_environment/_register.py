# SPDX-License-Identifier: Apache-2.0
"""What Gymnasium reads at its start: `gymnasium.make("ChainOfEdits-v0")` then works without an import."""


def register_environments() -> None:
    from gymnasium.envs.registration import register

    register("ChainOfEdits-v0", entry_point="chain_of_edits_environment.gymnasium_env:ChainOfEditsGymEnv")
