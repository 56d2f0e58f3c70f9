# SPDX-License-Identifier: Apache-2.0
import pytest

gymnasium = pytest.importorskip("gymnasium")

from gymnasium.utils.env_checker import check_env  # noqa: E402

from chain_of_edits_environment import ChainOfEditsGymEnv, Server  # noqa: E402


@pytest.fixture(scope="module")
def server():
    with Server() as server:
        yield server


def test_gymnasiums_own_checks_pass(server):
    env = ChainOfEditsGymEnv(server)
    check_env(env, skip_render_check=True)
    env.close()


def test_an_episode(server, task, fix):
    env = ChainOfEditsGymEnv(server, render_mode="ansi")
    shown, _ = env.reset(options={"task": task})
    assert shown["state"] == task["program"] and "Add." in shown["prompt"]
    shown, reward, terminated, truncated, info = env.step(fix)
    assert (reward, terminated, truncated) == (1, True, False) and info["observation"].solved
    assert "return a + b" in env.render()
    env.close()


def test_the_turn_limit_truncates(task):
    env = ChainOfEditsGymEnv(turns=1)
    env.reset(options={"task": task})
    assert env.step("### DELL 1")[2:4] == (False, True)
    env.close()


def test_it_is_registered_where_the_package_is_installed():
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        distribution("chain-of-edits-environment")
    except PackageNotFoundError:
        pytest.skip("the package is not installed")
    with gymnasium.make("ChainOfEdits-v0", disable_env_checker=True) as env:
        assert env.reset(seed=3)[0]["state"]
