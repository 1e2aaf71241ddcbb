"""Whoever runs the bot acts on it while it runs: by /owner, and from a shell by its socket."""

from __future__ import annotations

import asyncio
import json
import signal
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.core.config import load
from bot.operations.socket_client import ask
from bot.operations.wire import Answer
from bot.sandbox import Person, Sandbox
from bot.sandbox.errors import NotOffered
from bot.sandbox.model import ADMINISTRATOR, MANAGE_GUILD, Message
from tests.bot.end_to_end.process import Bot, Setup, running
from tests.bot.end_to_end.test_buttons import posted, said
from tests.bot.fork_server import ROOT
from tests.patience import until


async def shell(config: Path, *words: str) -> tuple[int, str, str]:
    """Return the exit code and what was printed on standard output and standard error."""
    command = (sys.executable, "-m", "bot", "owner", *words, "--config", str(config))
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def asked(config: Path, do: str, **values: Any) -> Answer:
    """Ask what the shell asks, without another process."""
    return await asyncio.to_thread(ask, load(config), do, values)


@dataclass
class Scene:
    """A bot whose GIFs wait for the file ``go``, somebody who runs it, and two who don't."""

    setup: Setup
    discord: Sandbox
    ada: Person
    bob: Person
    mia: Person
    go: Path

    async def mias(self, command: str, **values: Any) -> str:
        return await said(await self.mia.slash(f"owner {command}", **values))


@pytest.fixture
def scene(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> Scene:
    go = setup.directory / "go"
    monkeypatch.setenv("TESTS_GO_FILE", str(go))
    setup.engine = "tests.bot.engines.waits:create"
    return Scene(setup, discord, ada, bob, discord.person("mia", permissions=ADMINISTRATOR), go)


async def test_the_owner_in_discord(scene: Scene) -> None:
    discord = scene.discord
    owner = {"users": [scene.mia.user.id], "servers": [discord.guild.id]}
    async with running(scene.setup.write(owner=owner), discord):
        await discord.commands_registered()
        await until(lambda: discord.world.commands.get(discord.guild.id))
        await _others_are_kept_out(scene)
        hers = await _drained_and_told(scene)
        await _jobs_and_people(scene, hers)
        await _config_changes(scene, owner)


async def _others_are_kept_out(scene: Scene) -> None:
    """Others are shown nothing where Discord can hide it, and refused where it can't."""
    for person in (scene.ada, scene.discord.person("max", permissions=MANAGE_GUILD)):
        with pytest.raises(NotOffered):
            await person.slash("owner status")
    admin = scene.discord.person("eve", permissions=ADMINISTRATOR)
    for stranger in (admin, scene.ada.in_dm()):
        assert "Only whoever runs the bot" in await said(await stranger.slash("owner drain"))
    assert "Waiting: 0" in await said(await scene.mia.in_dm().slash("owner status"))


async def _drained_and_told(scene: Scene) -> str:
    """Drain the bot while a worker has two GIFs and one waits; return the first one's id."""
    first = await scene.ada.slash("gif", prompt="a secret", frames=8)
    await first.message(lambda message: "▰" in message.text)
    await said(await scene.bob.slash("settings mine", private=True))
    private = await scene.bob.slash("gif", prompt="hidden", frames=8)
    await private.message()
    await until(lambda: [row["state"] for row in scene.setup.rows("state")] == 2 * ["running"])
    await said(await scene.bob.slash("settings mine", private=False))
    second = await scene.bob.slash("gif", prompt="hidden", frames=8)
    await second.message()
    drained = await scene.mias("drain")
    assert "Being finished: 2; waiting until the bot is resumed: 1." in drained
    await second.message(lambda message: "paused it for a while" in message.text)
    refusal = await said(await scene.bob.slash("gif", prompt="z"))
    assert "paused it for a while" in refusal
    words = "Back at @everyone **8**"
    assert "told just now: 2 of 2" in await scene.mias("announce", text=words)
    assert "told just now: 0 of 0" in await scene.mias("announce", text=words)
    every = scene.discord.world.messages.values()
    found = [each for each in every if "Back at" in each.content]
    # he wanted his first one private, so he alone sees it; in the channel nobody is pinged
    [alone] = [each for each in found if each.ephemeral]
    assert scene.bob.sees(alone)
    [announced] = [each for each in found if not each.ephemeral]
    assert announced.channel is scene.discord.channel
    assert f"<@{scene.ada.user.id}>" in announced.content
    assert f"<@{scene.bob.user.id}>" not in announced.content
    assert (announced.mentions.users, announced.mentions.everyone) == ([], False)
    listed = await scene.mias("jobs", state="unfinished")
    assert "secret" not in listed
    assert "hidden" not in listed
    hers, _, his = [row["id"] for row in scene.setup.rows("id")]
    assert hers[:12] in listed
    assert his[:12] in await scene.mias("jobs", user=scene.bob.user)
    assert "Cancelled" in await scene.mias("cancel", job=his[:12])
    await second.message(lambda message: "ancelled" in message.text)
    scene.go.touch()
    await posted(first)
    await scene.setup.all_over()
    assert "New GIFs are accepted" in await scene.mias("resume")
    return str(hers)


async def _jobs_and_people(scene: Scene, hers: str) -> None:
    def with_files() -> list[Message]:
        return [each for each in scene.discord.world.messages.values() if each.results]

    assert "made again" in await scene.mias("again", job=hers)
    await until(lambda: len(with_files()) == 3)  # a message of its own, for her
    await scene.setup.all_over()
    again = scene.setup.rows("user_id, parent_id")[-1]
    assert again == {"user_id": scene.ada.user.id, "parent_id": hers}
    went = await scene.mias("logs", job=hers)
    assert "delivering" in went
    assert "secret" not in went
    blocked = await scene.mias("block", user=scene.bob.user, hours=1, reason="spam")
    assert "is blocked" in blocked
    assert "spam" in await said(await scene.bob.in_dm().slash("gif", prompt="z"))
    choices = await scene.mia.autocomplete("owner unblock", "user", "bo")
    await scene.mias("unblock", user=choices[0]["value"])
    assert "no worker" in await scene.mias("restart", worker="x")
    log = await said(await scene.mia.slash("moderation audit", everywhere=True))
    for words in ("drained the bot", "cancelled a GIF", "messaged everybody waiting", "unblocked"):
        assert words in log


async def _config_changes(scene: Scene, owner: dict[str, Any]) -> None:
    """Take in another who runs it, words, a quota and a style; a broken config changes nothing."""
    users = [scene.mia.user.id, scene.ada.user.id]
    words = scene.setup.directory / "words.txt"
    words.write_text("zebra\n")
    scene.setup.write(
        owner=owner | {"users": users},
        moderation={"withhold": [str(words)]},
        quota={"day_seconds": 0.0001},
        **{"styles.ink": {}},
    )
    assert "has changed since" in await scene.mias("status")
    taken = "quota.day_seconds, moderation.withhold, owner.users, styles"
    assert taken.replace("_", "\\_") in await scene.mias("reload")
    assert "Waiting: 0" in await said(await scene.ada.in_dm().slash("owner status"))
    assert [each["value"] for each in await _styles_of(scene.ada)] == ["ink"]
    assert "used up" in await said(await scene.ada.slash("gif", prompt="x"))
    assert "used up" not in await said(await scene.ada.slash("gif", prompt="a zebra"))
    # the file that it names changes, and not the config
    words.write_text("giraffe\n")
    assert "nothing that applies" in await scene.mias("reload")
    assert "used up" in await said(await scene.ada.slash("gif", prompt="a zebra"))
    scene.setup.write(owner={"users": []}, queue={"per_user": 0})
    assert "stays as it was" in await scene.mias("reload")
    assert "Waiting: 0" in await scene.mias("status")


async def _styles_of(person: Person) -> list[dict[str, Any]]:
    [gif] = [each for each in person.commands() if each["name"] == "gif"]
    [style] = [each for each in gif["options"] if each["name"] == "style"]
    choices: list[dict[str, Any]] = style["choices"]
    return choices


async def test_the_owner_in_a_shell(scene: Scene) -> None:
    discord, setup, path = scene.discord, scene.setup, scene.setup.data / "owner" / "socket"
    config = setup.write(**{"models.anime": {"model": "owner/anime"}})
    code, out, err = await shell(config, "status")
    assert (code, out) == (3, "")
    assert "No bot takes commands" in err
    async with running(config, discord) as bot:
        await discord.commands_registered()
        assert "owner" not in {each["name"] for each in scene.ada.in_dm().commands()}
        await _seen_and_restarted(scene, config, bot)
        await _paused_and_refused(scene, config)
        # another bot of this directory is refused, and takes nothing from the first
        assert await (await Bot.start(config)).process.wait() == 2
        assert (await asked(config, "blocked")).error == ""
        await _drained(scene, config)
        # killed, it leaves its socket behind, which the next one replaces
        await bot.stop(signal.SIGKILL)
        assert stat.S_ISSOCK(path.stat().st_mode)
    async with running(config, discord):
        status = _status(config)
        assert (status["is_drained"], status["paused_models"]) == (False, ["anime"])
        assert (await asked(config, "resume", model="anime")).text == "anime is running again."
        await posted(await scene.ada.slash("gif", prompt="x", frames=8))
        answer = await asked(config, "reload")
        assert answer.result == {"changed": [], "waiting_for_restart": []}
    assert not path.exists()


async def _seen_and_restarted(scene: Scene, config: Path, bot: Bot) -> None:
    made = await scene.ada.slash("gif", prompt="a secret", frames=8)
    await made.message(lambda message: "▰" in message.text)
    code, out, err = await shell(config, "status", "--json")
    assert (code, err) == (0, "")
    status = json.loads(out)
    assert (status["process"], status["jobs"]["running"]) == (bot.process.pid, 1)
    [worker] = status["workers"]
    assert (worker["key"], worker["state"]) == ("cpu", "busy")
    # what it has in hand is made again, and nobody is blamed
    assert (await asked(config, "restart", worker="cpu", now=True)).error == ""
    await until(lambda: _pid(config) not in (None, worker["pid"]))
    [job] = (await asked(config, "jobs", user=scene.ada.user.id)).result["jobs"]
    assert (job["attempt"], job["crashes"]) == (2, 0)


async def _paused_and_refused(scene: Scene, config: Path) -> None:
    code, out, _ = await shell(config, "pause", "anime")
    assert (code, out) == (0, "anime is paused; anybody who asks for it is told.\n")
    code, out, err = await shell(config, "cancel", "zz")
    assert (code, out) == (2, "")
    assert err.startswith("hotshot-bot: job can't be used like that")
    refusal = await said(await scene.ada.slash("gif", prompt="x", model="anime"))
    assert "paused by whoever runs" in refusal


async def _drained(scene: Scene, config: Path) -> None:
    """Drain it as before an update: the command waits until nothing is made."""
    waiting = asyncio.create_task(shell(config, "drain", "--wait", "--json"))
    await until(lambda: _status(config)["is_drained"])
    assert not waiting.done()
    scene.go.touch()
    code, out, _ = await waiting
    assert (code, json.loads(out)["jobs"]["running"]) == (0, 0)
    await scene.setup.all_over()
    assert scene.setup.rows("state, crashes") == [{"state": "done", "crashes": 0}]


def _status(config: Path) -> dict[str, Any]:
    return ask(load(config), "status", {}).result


def _pid(config: Path) -> int | None:
    [worker] = _status(config)["workers"]
    return worker["pid"] if worker["state"] == "busy" else None
