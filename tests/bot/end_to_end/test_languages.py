"""People of four languages drive the bot: all it says to each is in theirs, after a restart too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from bot.sandbox import MANAGE_GUILD, Interaction, Person, Sandbox, Upload
from bot.sandbox.model import Message
from tests.bot import files
from tests.bot.end_to_end.process import Setup, running

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Spoken:
    """A locale, and what somebody who has set it reads."""

    locale: str
    describes_gif: str
    size: str  # a choice of /gif
    again: str  # a button
    cancel: str
    settings: str  # of a result
    waiting: str  # a progress message
    too_many: str  # an error of the bot's own
    of_limits: str  # one of generator.contract.limits
    of_worker: str  # one that a worker sends
    unmoving: str  # one of the child's that looks at sources
    history: str
    failed: str  # a state in it
    over: str  # what was cancelled


LANGUAGES = [
    Spoken(
        locale="de",
        describes_gif="Macht ein GIF aus deiner Beschreibung.",
        size="breit (768 x 320)",
        again="Nochmal",
        cancel="Abbrechen",
        settings="8 Bilder · 1,5 s · 30 Schritte",
        waiting="vor deinem dran",
        too_many="Von dir wartet oder läuft schon 1 GIF",
        of_limits="Die Dauer in Millisekunden: möglich ist 480 bis 60000, nicht 200.",
        of_worker="Im Generator ist etwas schiefgegangen (ZeroDivisionError)",
        unmoving="Dieses Bild bewegt sich nicht",
        history="Deine GIFs",
        failed="❌ fehlgeschlagen",
        over="🚫 Abgebrochen.",
    ),
    Spoken(
        locale="fr",
        describes_gif="Crée un GIF à partir de votre description.",
        size="large (768 x 320)",
        again="Encore",
        cancel="Annuler",
        settings="8 images · 1,5 s · 30 étapes",
        waiting="avant le vôtre",
        too_many="Vous avez déjà 1 GIF en attente ou en cours",
        of_limits="La durée en millisecondes\N{NARROW NO-BREAK SPACE}: de 480 à 60000, pas 200.",
        of_worker="passé dans le générateur (ZeroDivisionError)",
        unmoving="Cette image ne bouge pas",
        history="Vos GIF",
        failed="❌ échec",
        over="🚫 Annulé.",
    ),
    Spoken(
        locale="es-419",
        describes_gif="Crea un GIF a partir de tu descripción.",
        size="ancho (768 x 320)",
        again="Otra vez",
        cancel="Cancelar",
        settings="8 fotogramas · 1,5 s · 30 pasos",
        waiting="antes que el tuyo",
        too_many="Ya tienes 1 GIF esperando o en marcha",
        of_limits="La duración en milisegundos: de 480 a 60000, no 200.",
        of_worker="Algo falló dentro del generador (ZeroDivisionError)",
        unmoving="Esa imagen no se mueve",
        history="Tus GIF",
        failed="❌ fallido",
        over="🚫 Cancelado.",
    ),
    Spoken(
        locale="ja",
        describes_gif="説明した内容のGIFを作ります。",
        size="横長（768 x 320）",  # noqa: RUF001
        again="もう一度",
        cancel="キャンセル",
        settings="8フレーム · 1.5秒 · 30ステップ",
        waiting="件のGIFがあります",
        too_many="待機中・作成中のGIFがすでに1件あり",
        of_limits="長さ（ミリ秒）は480から60000までです。200は使えません。",  # noqa: RUF001
        of_worker="生成プロセスの内部で問題が起きました（ZeroDivisionError）",  # noqa: RUF001
        unmoving="その画像は動きません",
        history="あなたのGIF",
        failed="❌ 失敗",
        over="🚫 キャンセルしました。",
    ),
]


async def ephemeral_answer(interaction: Interaction) -> str:
    message = await interaction.message()
    assert message.ephemeral
    return message.text


def people(discord: Sandbox) -> list[tuple[Person, Spoken]]:
    """One of each language, all on one server."""
    return [(discord.person(each.locale, locale=each.locale), each) for each in LANGUAGES]


async def test_commands_results_and_errors(setup: Setup, discord: Sandbox) -> None:
    setup.engine = "raises:create"
    async with running(setup.write(), discord):
        for somebody, spoken in people(discord):
            _check_commands(somebody, spoken)
            made = await somebody.slash("gif", prompt="a ball", duration=1500)
            message = await made.message(lambda message: message.results)
            assert spoken.settings in message.text
            assert message.buttons[0]["label"] == spoken.again
            refused = await somebody.slash("gif", prompt="x", frames=24, duration=200)
            assert spoken.of_limits in await ephemeral_answer(refused)
            still = Upload("still.png", files.still())
            sent = await somebody.slash("gif", prompt="x", control_gif=still)
            assert spoken.unmoving in await ephemeral_answer(sent)
            failed = await somebody.slash("gif", prompt="bug")
            message = await failed.message(lambda message: "❌" in message.text)
            assert spoken.of_worker in message.text
            await setup.all_over()
            page = await ephemeral_answer(await somebody.slash("history"))
            assert all(words in page for words in (spoken.history, spoken.failed, spoken.of_worker))


def _check_commands(somebody: Person, spoken: Spoken) -> None:
    [gif] = [command for command in somebody.commands() if command["name"] == "gif"]
    assert gif["description_localizations"][spoken.locale] == spoken.describes_gif
    [size] = [option for option in gif["options"] if option["name"] == "size"]
    names = [choice["name_localizations"][spoken.locale] for choice in size["choices"]]
    assert spoken.size in names


async def test_progress_and_its_end_after_a_restart(setup: Setup, discord: Sandbox) -> None:
    setup.engine = "hangs:create"
    config = setup.write(queue={"per_user": 1, "leave_seconds": 0})
    manager = discord.person("mia", permissions=MANAGE_GUILD)  # of English
    waiting: list[tuple[Interaction, Message, Spoken]] = []
    async with running(config, discord):
        await (await manager.slash("gif", prompt="first")).acknowledged()
        for somebody, spoken in people(discord):
            sent = await somebody.slash("gif", prompt="next")
            message = await sent.message(_has(spoken.waiting))
            waiting.append((sent, message, spoken))
            assert spoken.too_many in await ephemeral_answer(
                await somebody.slash("gif", prompt="x")
            )
    async with running(config, discord):  # what the row says is all that is known of the language
        for sent, message, spoken in waiting:
            await sent.message(_has(spoken.waiting))
            await manager.press(message, spoken.cancel)
            await sent.message(_has(spoken.over))
            assert not message.buttons


def _has(words: str) -> Callable[[Message], bool]:
    return lambda message: words in message.text
