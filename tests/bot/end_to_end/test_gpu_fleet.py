"""A host with two cards, several models, and a NATS server that isn't the bot's."""

from __future__ import annotations

from pathlib import Path

from aiohttp.test_utils import unused_port

from bot.broker.certificates import ensure_authority
from bot.sandbox import Person, Sandbox
from bot.workers import status_file
from tests.bot.broker.test_elsewhere import serve
from tests.bot.end_to_end.process import Bot, Setup, running
from tests.bot.end_to_end.test_gif import posted
from tests.bot.end_to_end.test_gpu_host import host_command
from tests.patience import until
from tests.programs import need_program

CARDS = [("home.cuda0", "idle", "nano"), ("home.cuda1", "idle", "nano")]


def cards_of(setup: Setup) -> list[tuple[str, str, str]]:
    """What ``hotshot-bot status`` shows of each."""
    report = status_file.read(setup.data)
    devices = report.devices if report else ()
    return sorted((each.device, each.state, each.model) for each in devices)


async def test_models_are_chosen_on_a_host_that_comes_by_somebody_elses_server(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person, tmp_path: Path
) -> None:
    need_program("nats-server")
    theirs, port = tmp_path / "theirs", unused_port()
    theirs.mkdir()
    (theirs / "authority.pem").write_text(ensure_authority(theirs))
    config = setup.write(
        remote={"url": f"tls://127.0.0.1:{port}", "ca_file": str(theirs / "authority.pem")},
        generator={"model": "nano", "devices": []},
        **{"models.Half": {"model": "owner/half"}, "models.hurt": {"model": "owner/broken"}},
    )
    _, line, _ = await host_command(config, "host", "add", "home")
    _, block, _ = await host_command(config, "host", "config")
    flags = ("--devices", "cuda:0,cuda:1", "--engine", "tests.bot.engines.named:create")
    join = ("worker", "--join", line.strip(), "--cache-dir", str(tmp_path / "cache"))
    with serve(theirs, port, block):
        async with running(config, discord) as bot:
            agent = await Bot.launch(tmp_path / "host.log", *join, *flags, module="generator")
            try:
                await until(lambda: cards_of(setup) == CARDS, lambda: bot.log)
                usual = await posted(await ada.slash("gif", prompt="x", steps=1))
                half = await posted(await bob.slash("gif", prompt="x", steps=1, model="half"))
                again = await posted(await ada.slash("gif", prompt="x", steps=1))
                assert "· nano ·" in usual.text
                assert "· Half ·" in half.text
                # one card holds Half now, and the other nano still
                assert bot.log.count("makes room for the model Half") == 1
                assert half.results[0].data not in (usual.results[0].data, again.results[0].data)
                sent = await bob.slash("gif", prompt="x", steps=1, model="hurt")
                await sent.message(lambda message: "The weights are damaged" in message.text)
                await posted(await bob.slash("gif", prompt="x", steps=1, model="half"))
            finally:
                await agent.stop()
