"""A config that changes under a running bot: what is taken in, what waits, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.config import Settings, load
from bot.core.errors import ConfigError
from bot.operations.config_file import LIVE, RunningConfig
from bot.operations.needs import Operator
from tests.bot.operations.rig import OperationsRig

BEFORE = '[queue]\nper_user = 3\n[discord]\ntoken = "one"\n'


class Running:
    """A running bot's config, and the settings that were made to hold."""

    def __init__(self, directory: Path, text: str = BEFORE) -> None:
        self.file = directory / "config.toml"
        self.write(text)
        self.config = RunningConfig(self.file, load(self.file))
        self.applied: list[Settings] = []
        self.refusal: ConfigError | None = None
        self.config.set_apply(self.apply)

    def write(self, text: str) -> None:
        self.file.write_text(text, encoding="utf-8")

    async def apply(self, settings: Settings) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.applied.append(settings)


async def test_what_can_is_taken_in_and_the_rest_waits(tmp_path: Path) -> None:
    running = Running(tmp_path)
    assert not await running.config.is_changed()
    running.write(
        '[queue]\nper_user = 4\nsize = 9\n[discord]\ntoken = "two"\n[generator]\nmodel = "x"\n'
        '[styles.ink]\nprompt = "{prompt}, ink"\n[models.y]\nmodel = "y"\n'
    )
    assert await running.config.is_changed()
    done = await running.config.reload()
    assert done.changed == ("queue.size", "queue.per_user", "styles")
    assert done.waiting == ("discord.token", "generator.model", "models")
    assert not await running.config.is_changed()
    [now] = running.applied
    assert now is running.config.settings
    assert (now.queue.per_user, now.queue.size, list(now.styles)) == (4, 9, ["ink"])
    assert (now.generator.model, now.models) == ("nano", {})
    assert now.discord.token.get_secret_value() == "one"
    # the same once more: what waits is named again, and nothing else
    assert await running.config.reload() == type(done)((), done.waiting)
    running.write(BEFORE)
    assert (await running.config.reload()).waiting == ()
    assert running.config.settings == load(running.file)


@pytest.mark.parametrize(
    "text",
    ["[queue]\nper_user = 0\n", "[queue", "[quue]\n", "\udcff", "[queue]\nper_user = 5\nsize = -1"],
)
async def test_a_broken_one_changes_nothing(tmp_path: Path, text: str) -> None:
    running = Running(tmp_path)
    before = running.config.settings
    running.file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match=r"^(?s:[^\n]*)\.$"):
        await running.config.reload()
    assert running.config.settings is before
    assert running.applied == []
    assert await running.config.is_changed()


async def test_one_that_cant_hold_changes_nothing(tmp_path: Path) -> None:
    running = Running(tmp_path)
    before = running.config.settings
    running.write(BEFORE.replace("3", "4"))
    running.refusal = ConfigError("No such list.")
    with pytest.raises(ConfigError, match="No such list"):
        await running.config.reload()
    assert running.config.settings is before
    assert await running.config.is_changed()


async def test_one_that_is_gone_is_no_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "config.toml"
    file.write_text(BEFORE, encoding="utf-8")
    config = RunningConfig(None, load())
    file.unlink()
    with pytest.raises(ConfigError, match="any more"):
        await config.reload()
    assert config.settings.queue.per_user == 3


async def test_the_owner_reads_why(owner: OperationsRig) -> None:
    owner.file.write_text("[queue]\nper_usr = 3\n", encoding="utf-8")
    with pytest.raises(Exception, match=r"stays as it was: .*perhaps per_user was meant"):
        await owner.operations.run("reload", {}, Operator())
    status = await owner.operations.run("status", {}, Operator())
    assert status.values["config"]["is_changed"]


def test_the_keys_exist() -> None:
    for key in LIVE:
        section, _, name = key.partition(".")
        assert section in Settings.model_fields
        fields = getattr(Settings(), section)
        assert not name or name in type(fields).model_fields, key
