"""What an agent of a GPU host refuses, and says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.__main__ import main
from generator.contract.errors import HotshotError
from generator.host.agent import AgentSettings, run_agent
from generator.link.errors import KeyRefusedError


async def test_two_of_one_host_do_not_share_a_directory(tmp_path: Path) -> None:
    """The second would delete what the first makes."""
    settings = AgentSettings(
        host="home", devices=("cpu",), directory=tmp_path, cache_bytes=0, memory_limit=0
    )
    output = tmp_path / "outputs" / "a-1.gif"
    said: list[str] = []

    async def refuse(on_closed: object) -> None:
        """Be the server of another bot, while a second agent is started."""
        output.write_bytes(b"GIF")
        with pytest.raises(HotshotError, match="for home runs here already"):
            await run_agent(settings, refuse)  # type: ignore[arg-type]
        said.append("refused")
        raise KeyRefusedError("another bot's")

    for _ in range(2):  # the first one's end lets go of it
        with pytest.raises(KeyRefusedError):
            await run_agent(settings, refuse)  # type: ignore[arg-type]
        assert output.exists()
    assert said == ["refused"] * 2


async def test_a_link_that_breaks_in_an_unknown_way_does_not_end_an_agent_in_silence(
    tmp_path: Path,
) -> None:
    settings = AgentSettings(
        host="home", devices=("cpu",), directory=tmp_path, cache_bytes=0, memory_limit=0
    )

    async def break_down(on_closed: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run_agent(settings, break_down)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["nan", "inf", "-1", "1e300"])
def test_a_cache_of_no_size_is_a_mistake_in_the_command(
    given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["worker", "--join", "-", f"--cache-gb={given}"]) == 2
    assert f"--cache-gb: '{given}' isn't between 0 and 1,000,000" in capsys.readouterr().err
