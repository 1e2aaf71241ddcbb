"""/gif without a prompt opens the panel; what is brought to it badly costs a sentence each."""

from __future__ import annotations

import json
from typing import Any

from bot.sandbox import Interaction, Person, Sandbox, Upload
from bot.sandbox.components import CONTAINER, SECTION
from bot.sandbox.interactions import MODAL_SUBMIT
from bot.sandbox.model import Message
from tests.bot import files
from tests.bot.end_to_end.panels import fill, panel_of
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.test_buttons import forge, posted, request_of, said


def pictures(count: int, start: int = 0) -> list[Upload]:
    """Still pictures of one size, each different from the others."""
    return [
        Upload(f"{number}.png", files.still(colour=(8 * number, 90, 200 - 4 * number)))
        for number in range(start, start + count)
    ]


async def test_gif_without_a_prompt_opens_the_panel(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    """With what was given; pictures from several fields become one motion to follow."""
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord) as bot:
        panel = await panel_of(await ada.slash("gif", size="wide", seed="7"))
        assert panel.ephemeral
        assert [part["type"] for part in panel.components] == [CONTAINER]
        assert sum(part["type"] == SECTION for part in panel.components_flat) == 9
        assert "wide" in panel.text
        refused = await said(await ada.press(panel, "Go"))
        assert "⚠️" in refused
        await fill(ada, panel, "Words", prompt="a cat")
        await fill(ada, panel, "Result", private=True, count="2")
        brought = {"control_pictures": pictures(2), "control_pictures_2": pictures(1, 2)}
        await fill(ada, panel, "Motion from pictures", **brought)
        await panel_with(discord, panel, "control pictures:")
        await fill(ada, panel, "Motion", control_type="canny")
        sent = await ada.press(panel, "Go")
        assert (await posted(sent)).ephemeral
        made = json.loads(setup.rows("request")[0]["request"])
        assert (made["prompt"], made["width"], made["seed"]) == ("a cat", 768, 7)
        assert made["controls"][0]["kind"] == "canny"
        await discord.until(lambda: not panel.buttons or None)
        await setup.all_over()
        assert "Traceback" not in bot.log
    assert len(setup.rows()) == 2


async def test_bad_files_and_strangers_cost_a_sentence(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord) as bot:
        panel = await panel_of(await ada.slash("gif", seed="7"))
        await fill(ada, panel, "Words", prompt="a cat")
        group, field = "Motion from pictures", "control_pictures"
        for brought, told in (
            ([Upload("a.png", files.still()), Upload("b.png", files.still())], "sent twice"),
            ([*pictures(1), Upload("a.gif", files.gif())], "a.gif moves"),
            ([*pictures(1), Upload("a.txt", b"no picture at all")], "isn't a picture"),
            (pictures(1), "From 2 to 30"),
        ):
            sent = await fill(ada, panel, group, **{field: brought})
            await sent.message(lambda message, told=told: told in message.text)  # type: ignore[misc]
        many = await shown(await ada.careless().press(panel, group))
        too_many = {
            field: pictures(11),
            f"{field}_2": pictures(10, 11),
            f"{field}_3": pictures(10, 21),
        }
        sent = await ada.careless().submit(many, **too_many)
        await sent.message(lambda message: "not 31" in message.text)
        assert "a cat" in panel.text

        form = await shown(await ada.press(panel, "Words"))
        ada.dismiss(panel)  # it comes anew with what stood there
        panel = await panel_of(await ada.submit(form, prompt="a dog"))
        assert "a dog" in panel.text
        form = await shown(await ada.press(panel, "First picture"))
        ada.dismiss(panel)
        panel = await panel_of(await ada.submit(form, image=Upload("sun.png", files.still())))
        assert "sun.png" in panel.text

        draft_id = next(b for b in panel.buttons if "panel_go" in b["custom_id"])
        draft_id = draft_id["custom_id"].rpartition(":")[2]
        public = await bob.says("hello")
        for custom_id in (f"do:panel_go:{draft_id}", f"do:panel_words:{draft_id}"):
            assert "somebody else's" in await said(
                await bob.press(forge(public, custom_id), custom_id)
            )
        late = f"form:panel_words_send:{'0' * 32}:{'0' * 16}"
        assert "has expired" in await said(sent_form(many, ada, late, prompt="x"))

        presses = [await ada.press(panel, "Go") for _ in range(2)]
        taken = await discord.until(lambda: next(filter(has_result, presses), None))  # either
        assert (await request_of(taken))["prompt"] == "a dog"
        presses.remove(taken)
        refused = await said(presses[0])
        assert "already been requested" in refused or "was used" in refused
        await discord.until(lambda: not panel.buttons or None)
        await setup.all_over()
        assert "Traceback" not in bot.log
    assert len(setup.rows()) == 1


async def panel_with(discord: Sandbox, panel: Message, words: str) -> None:
    """Wait until a panel has these words; files are taken in after the form was answered."""
    try:
        await discord.until(lambda: words in panel.text or None)
    except TimeoutError:
        raise AssertionError(panel.text) from None


def has_result(interaction: Interaction) -> bool:
    return any(message.results for message in interaction.messages)


async def shown(pressed: Interaction) -> Interaction:
    """A form, once it stands there."""
    await pressed.acknowledged()
    return pressed


def sent_form(source: Interaction, person: Person, custom_id: str, **fields: str) -> Interaction:
    rows: list[dict[str, Any]] = [
        {"type": 18, "component": {"type": 4, "custom_id": name, "value": value}}
        for name, value in fields.items()
    ]
    data = {"custom_id": custom_id, "components": rows}
    message: Message | None = source.source
    return person._send(MODAL_SUBMIT, data, source=message, parent=source)
