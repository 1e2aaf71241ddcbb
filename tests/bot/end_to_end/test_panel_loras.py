"""LoRAs of the panel: a few are offered, and others are found by a part of their names."""

from __future__ import annotations

import sqlite3

from bot.sandbox import Person, Sandbox, Upload
from tests.bot.end_to_end.panels import fill, panel_of
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.test_buttons import posted, request_of, said
from tests.bot.end_to_end.test_lora import lora

MANY = 10_000
COLUMNS = "id, owner_id, shared, name, name_key, trigger_words, strength, blob, size_bytes, facts"


def add_many(setup: Setup) -> None:
    """Rows of LoRAs that everybody may use; their files are never looked at."""
    rows = [
        (
            f"{number:032x}",
            1,
            "everybody",
            f"look {number}",
            f"look {number}",
            "",
            1.0,
            "-",
            1,
            "{}",
        )
        for number in range(MANY)
    ]
    with sqlite3.connect(setup.data / "hotshot.db") as connection:
        marks = ", ".join("?" * 10)
        connection.executemany(
            f"INSERT INTO loras ({COLUMNS}, created_at) "  # noqa: S608
            f"VALUES ({marks}, '2026-01-01T00:00:00.000000+00:00')",
            rows,
        )


async def test_one_of_very_many_loras_is_found(setup: Setup, discord: Sandbox, ada: Person) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord) as bot:
        added = await ada.slash("lora add", name="Needle", file=Upload("a", lora(words="ndl")))
        await said(added)
        add_many(setup)
        opened = await ada.slash("gif", seed="7")
        panel = await panel_of(opened)
        await fill(ada, panel, "Words", prompt="a cat")
        form = await ada.press(panel, "LoRAs")
        await form.acknowledged()
        print(f"panel {opened.latency:.3f} s, form {form.latency:.3f} s, under whatever load")
        menus = [part["component"] for part in form.modal["components"]]
        assert len(menus[0]["options"]) == 25
        assert menus[0]["options"][0]["label"] == "Needle"
        await fill(ada, panel, "LoRAs", search="look 99")
        assert "press LoRAs again" in panel.text
        again = await ada.press(panel, "LoRAs")
        await again.acknowledged()
        offered = again.modal["components"][0]["component"]["options"]
        assert offered[0]["label"] == "look 99"
        await (await ada.submit(again, lora_2="look 99")).acknowledged()
        assert "LoRA 2: look 99" in panel.text
        await fill(ada, panel, "LoRAs", lora_2=[], search="needl", lora_strength="0,5")
        assert "LoRA: Needle" in panel.text
        none = await fill(ada, panel, "LoRAs", search="no such look")
        await none.message(lambda message: "None of the LoRAs" in message.text)
        await fill(ada, panel, "LoRAs", search="")
        sent = await ada.press(panel, "Go")
        made = await request_of(sent)
        assert made["prompt"] == "a cat, ndl"
        assert [each["strength"] for each in made["loras"]] == [0.5]
        await setup.all_over()

        panel = await panel_of(await ada.press(await posted(sent), "Edit"))
        assert "LoRA: Needle" in panel.text
        await fill(ada, panel, "LoRAs", lora=[])
        without = await request_of(await ada.press(panel, "Go"))
        assert without["loras"] == []
        assert "Traceback" not in bot.log
