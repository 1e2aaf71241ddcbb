"""A result says what made it; its file tells no more than its owner wants; he may be pinged."""

from __future__ import annotations

import json

from bot.sandbox import Person, Sandbox, Upload
from bot.sandbox.model import Message
from generator.media.comment import comment_of, with_comment, without_comment
from generator.recipes.recipe import Recipe
from tests.bot import files
from tests.bot.end_to_end.panels import asked, made_by
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.sheets import sheet_of
from tests.bot.end_to_end.test_buttons import posted, said
from tests.bot.end_to_end.test_lora import lora
from tests.patience import PATIENCE

NOIR = {"styles.noir": {"prompt": "{prompt}, film noir"}}


async def test_a_result_and_its_recipe_say_what_made_it(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(**NOIR), discord):
        await said(await ada.slash("lora add", name="Ink", file=Upload("i.safetensors", lora())))
        [choice] = await ada.autocomplete("gif", "lora", "ink", prompt="x")
        made = await posted(
            await ada.slash(
                "gif",
                prompt="a cat",
                lora=choice["value"],
                lora_strength=0.8,
                style="noir",
                control_gif=Upload("dance.gif", files.gif()),
                control_type="canny",
            )
        )
        await setup.all_over()
        for words in ("Ink at 0.8", "style noir", "follows canny at 1"):
            assert words in made.text
        again = await posted(await ada.press(made, "Again"))
        assert "Ink at 0.8 · style noir · follows canny at 1" in again.text
        assert f"From `{setup.rows('id')[0]['id'][:12]}` (made again)" in again.text
        shown = await (await ada.press(await sheet_of(ada, made), "Recipe")).message(
            lambda one: one.files, PATIENCE
        )
        for words in ("lora:Ink", "lora_strength:0.8", "control_type:canny"):
            assert words in shown.content
        recipe = json.loads(shown.files[0].data)
        assert recipe["loras"] == [{"name": "Ink", "sha256": choice_hash(setup), "strength": 0.8}]
        assert recipe["controls"][0]["kind"] == "canny"
        assert recipe["style"] == "noir"


async def test_a_recipe_comes_back_whole_for_who_may_use_its_files(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        await said(await ada.slash("lora add", name="Ink", file=Upload("i.safetensors", lora())))
        [choice] = await ada.autocomplete("gif", "lora", "ink", prompt="x")
        made = await posted(
            await ada.slash(
                "gif",
                prompt="a cat",
                lora=choice["value"],
                control_gif=Upload("dance.gif", files.gif()),
                control_type="canny",
            )
        )
        copied = await ada.says("", Upload("copy.gif", as_the_real_engine_tells(made)))
        for person, is_whole in ((ada, True), (bob, False)):
            found = await person.message_command("Remix", copied)
            recipe = await found.message(lambda message: message.buttons, PATIENCE)
            assert ("can't use here" in recipe.text) is not is_whole
            form = await person.press(recipe, "Edit")
            sent = await made_by(person, form)
            again = files.request_in((await posted(sent)).files[0].data)
            assert bool(again["loras"]) is is_whole
            assert bool(again["controls"]) is is_whole
            assert bool(again["control_source"]) is is_whole


def as_the_real_engine_tells(made: Message) -> bytes:
    """The file with its recipe as a worker writes it, which is without anybody's paths."""
    data = made.files[0].data
    recipe = Recipe.from_json(comment_of(data))
    assert recipe is not None
    return with_comment(without_comment(data), recipe.without_directories().to_json())


def choice_hash(setup: Setup) -> str:
    [kept] = (setup.data / "blobs").rglob("*.safetensors")
    return kept.stem


async def test_private_files_tell_nothing(setup: Setup, discord: Sandbox, ada: Person) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        for suffix in ("gif", "webp", "mp4"):
            hidden = await posted(await asked(ada, prompt="a cat", private=True, format=suffix))
            assert comment_of(hidden.files[0].data) == ""
            assert b"a cat" not in hidden.files[0].data
        await said(await ada.slash("settings mine", recipe=False))
        plain = await posted(await ada.slash("gif", prompt="a cat"))
        assert comment_of(plain.files[0].data) == ""
        await said(await ada.slash("settings mine", recipe=True))
        told = await posted(await asked(ada, prompt="a cat", private=True))
        assert files.request_in(told.files[0].data)["prompt"] == "a cat"


async def test_who_wants_it_is_pinged_alone(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    async with running(setup.write(), discord):
        await discord.commands_registered()
        assert "ping" in await said(await ada.slash("settings mine", ping=True))
        of_bob = await posted(await bob.slash("gif", prompt="hello @everyone"))
        made = await posted(await ada.slash("gif", prompt="hello @everyone"))
        await setup.all_over()
        [ping] = [each for each in discord.world.messages.values() if each.reference is not None]
        assert ping.reference is made
        assert ping.mentions.users == [ada.user]
        assert not ping.mentions.everyone
        assert of_bob.channel is made.channel
        hidden = await posted(await asked(ada, prompt="x", private=True))
        await setup.all_over()
        assert hidden.ephemeral
        replies = [each for each in discord.world.messages.values() if each.reference is not None]
        assert [each for each in replies if not each.ephemeral] == [ping]
