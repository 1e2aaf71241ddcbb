"""Commands, buttons, modals and autocomplete, end to end."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sandbox import MANAGE_GUILD, Interaction, NotOffered, Person, Sandbox, Upload
from tests.bot.sandbox.raw import Raw
from tests.bot.sandbox.small_bot import GIF, SmallBot


async def test_a_command_with_every_kind_of_option(
    discord: Sandbox, bot: SmallBot, ada: Person
) -> None:
    control = Upload("control.gif", GIF)
    bob = discord.person("bob")
    interaction = await ada.slash(
        "gif", prompt="a ball", seed=3, guidance=2.5, size="wide", control_gif=control, friend=bob
    )
    callback = await interaction.acknowledged()
    assert callback.type == 5
    message = await interaction.message(until=lambda message: message.files)
    assert message.content == f"done a ball 3 2.5 768x320 {len(GIF)} bob"
    assert message.files[0].data == GIF
    assert (message.files[0].width, message.files[0].height) == (64, 48)
    assert message.files[0].description == "a GIF"
    assert interaction.latency is not None
    assert 0 < interaction.latency < 3
    assert bot.interactions[0].filesize_limit == 10 * 1024 * 1024


async def test_a_message_remembers_what_it_said(bot: SmallBot, ada: Person) -> None:
    interaction = await ada.slash("gif", prompt="x")
    message = await interaction.message(until=lambda message: message.files)
    said = [version.content.split()[:1] for version in message.versions]
    assert said == [[], ["working"], ["done"]]
    times = [version.at for version in message.versions]
    assert times == sorted(times)
    assert message.versions[0].flags & 128
    assert not message.loading


async def test_followups_and_who_sees_them(discord: Sandbox, bot: SmallBot, ada: Person) -> None:
    interaction = await ada.slash("chat", text="hello", ephemeral=True)
    await discord.until(lambda: interaction.followups or None)
    bob = discord.person("bob")
    for message in interaction.messages:
        assert message.ephemeral
        assert ada.sees(message)
        assert not bob.sees(message)
    assert interaction.messages[0].text == "hello\nT\nD"
    assert (await interaction.message(lambda message: "more" in message.content)).content


async def test_buttons(bot: SmallBot, ada: Person) -> None:
    command = await ada.slash("gif", prompt="x")
    message = await command.message(until=lambda message: message.buttons)
    await (await ada.press(message, "Again")).message(lambda same: same.content == "pressed")
    pressed = await ada.press(message, "later")
    same = await pressed.message(lambda same: same.content == "pressed later")
    assert same is message
    assert message.files[0].data == GIF
    with pytest.raises(NotOffered, match="Again"):
        await ada.press(message, "Nowhere")


async def test_a_modal(discord: Sandbox, bot: SmallBot, ada: Person) -> None:
    command = await ada.slash("gif", prompt="x")
    message = await command.message(until=lambda message: message.buttons)
    pressed = await ada.press(message, "Edit")
    await pressed.acknowledged()
    assert pressed.modal["title"] == "Once more"
    with pytest.raises(NotOffered, match="Prompt"):
        await ada.submit(pressed)
    submitted = await ada.submit(pressed, Prompt="a star")
    answer = await submitted.message()
    assert answer.content == "Again: a star"
    assert answer.ephemeral
    assert not discord.person("bob").sees(answer)


async def test_autocomplete(bot: SmallBot, ada: Person) -> None:
    choices = await ada.autocomplete("find", "name", "re")
    assert choices == [{"name": "red", "value": "red"}, {"name": "green", "value": "green"}]
    with pytest.raises(NotOffered):
        await ada.autocomplete("gif", "prompt", "re")


async def test_sub_commands(bot: SmallBot, ada: Person) -> None:
    interaction = await ada.slash("lora add", file=Upload("a.safetensors", b"123"))
    assert (await interaction.message()).content == "a.safetensors 3"
    with pytest.raises(NotOffered, match="sub-command"):
        await ada.slash("lora")


async def test_a_command_in_a_messages_menu(bot: SmallBot, ada: Person) -> None:
    message = await ada.says("hi there")
    interaction = await ada.message_command("Repeat", message)
    assert (await interaction.message()).content == "It said: hi there"


async def test_in_direct_messages(discord: Sandbox, bot: SmallBot, ada: Person) -> None:
    interaction = await ada.in_dm().slash("find", name="here")
    message = await interaction.message()
    assert message.content == "here"
    assert discord.direct_messages(ada.user) == [message]
    assert bot.interactions[0].guild is None
    assert bot.interactions[0].user.id == ada.user.id


async def test_the_member_has_permissions(discord: Sandbox, bot: SmallBot) -> None:
    boss = discord.person("boss", permissions=MANAGE_GUILD)
    for person in (boss, discord.person("ada")):
        await (await person.slash("find", name="x")).acknowledged()
    boss_says, ada_says = bot.interactions
    assert boss_says.permissions.manage_guild
    assert not ada_says.permissions.manage_guild


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, "prompt is required"),
        ({"prompt": "x", "nonsense": 1}, "no option nonsense"),
        ({"prompt": ""}, "1 to 200 characters"),
        ({"prompt": "x" * 201}, "1 to 200 characters"),
        ({"prompt": 3}, "takes a text"),
        ({"prompt": "x", "seed": 1001}, "0 to 1000"),
        ({"prompt": "x", "seed": 1.5}, "takes a number"),
        ({"prompt": "x", "size": "7x7"}, "there are: wide"),
        ({"prompt": "x", "control_gif": b"raw"}, "takes a file"),
        ({"prompt": "x", "control_gif": Upload("x.gif", b"0" * 11_000_000)}, "too large"),
        ({"prompt": "x", "friend": "ada"}, "can't be 'ada'"),
    ],
)
async def test_what_the_client_would_not_let_through(
    discord: Sandbox, bot: SmallBot, ada: Person, options: dict[str, Any], why: str
) -> None:
    with pytest.raises(NotOffered, match=why):
        await ada.slash("gif", **options)
    assert discord.world.interactions == {}


async def test_a_careless_client_lets_wrong_values_through(bot: SmallBot, ada: Person) -> None:
    careless = ada.careless()
    interaction = await careless.slash("gif", prompt="x", size="7x7")
    message = await interaction.message(lambda message: message.files)
    assert message.content.split()[4] == "7x7"
    incomplete = await careless.slash("gif", seed=10**9)
    assert [each["value"] for each in incomplete.data["options"]] == [10**9]
    with pytest.raises(NotOffered, match="no option nonsense"):
        await careless.slash("gif", nonsense=1)


async def test_only_registered_commands_are_offered(ada: Person, bot: SmallBot) -> None:
    with pytest.raises(NotOffered, match="no command nope; there are: gif"):
        await ada.slash("nope")


# -- how the answers are taken, with a bot made by hand --------------------------------------------

COMMAND = {"name": "gif", "description": "x"}


async def typed(discord: Sandbox, raw: Raw, person: Person, **command: Any) -> Interaction:
    """Type a /gif that waits for its first answer."""
    path = f"/applications/{discord.world.application_id}/commands"
    assert (await raw.call("PUT", path, [COMMAND | command]))[0] == 200
    if not discord.gateway.sessions:
        await (await raw.connect()).until("READY")
    return await person.slash("gif")


async def test_a_second_answer_is_refused(discord: Sandbox, raw: Raw, ada: Person) -> None:
    interaction = await typed(discord, raw, ada)
    assert await raw.answer(interaction, {"type": 5}) == (204, None)
    status, body = await raw.answer(interaction, {"type": 4, "data": {"content": "x"}})
    assert (status, body["code"]) == (400, 40060)


async def test_a_late_answer_is_refused(discord: Sandbox, raw: Raw, ada: Person) -> None:
    interaction = await typed(discord, raw, ada)
    discord.clock.advance(discord.world.answer_within + 0.1)
    status, body = await raw.answer(interaction, {"type": 5})
    assert (status, body["code"]) == (404, 10062)
    assert interaction.callback is None


async def test_an_unknown_interaction_is_refused(discord: Sandbox, raw: Raw, ada: Person) -> None:
    interaction = await typed(discord, raw, ada)
    interaction.token = "another"
    path = f"/interactions/{interaction.id}/stolen/callback"
    status, body = await raw.call("POST", path, {"type": 5})
    assert (status, body["code"]) == (404, 10062)


async def test_the_token_lives_fifteen_minutes(discord: Sandbox, raw: Raw, ada: Person) -> None:
    interaction = await typed(discord, raw, ada)
    await raw.answer(interaction, {"type": 5})
    original = f"{raw.webhook(interaction)}/messages/@original"
    discord.clock.advance(14 * 60)
    assert (await raw.call("PATCH", original, {"content": "in time"}))[0] == 200
    discord.clock.advance(61)
    status, body = await raw.call("PATCH", original, {"content": "late"})
    assert (status, body["code"]) == (401, 50027)
    assert (await interaction.message()).content == "in time"


async def test_the_webhook_opens_with_the_first_answer(
    discord: Sandbox, raw: Raw, ada: Person
) -> None:
    interaction = await typed(discord, raw, ada)
    status, body = await raw.call("POST", raw.webhook(interaction), {"content": "early"})
    assert (status, body["code"]) == (404, 10015)


async def test_the_first_followup_fills_in_a_deferred_answer(
    discord: Sandbox, raw: Raw, ada: Person
) -> None:
    interaction = await typed(discord, raw, ada)
    await raw.answer(interaction, {"type": 5, "data": {"flags": 64}})
    _, first = await raw.call("POST", raw.webhook(interaction), {"content": "one"})
    _, second = await raw.call("POST", raw.webhook(interaction), {"content": "two"})
    _, original = await raw.call("GET", f"{raw.webhook(interaction)}/messages/@original")
    assert first["id"] == original["id"] != second["id"]
    assert (original["content"], original["flags"]) == ("one", 64)
    assert [message.content for message in interaction.messages] == ["one", "two"]


async def test_an_answer_can_be_deleted(discord: Sandbox, raw: Raw, ada: Person) -> None:
    interaction = await typed(discord, raw, ada)
    await raw.answer(interaction, {"type": 4, "data": {"content": "x"}})
    original = f"{raw.webhook(interaction)}/messages/@original"
    assert await raw.call("DELETE", original) == (204, None)
    status, body = await raw.call("PATCH", original, {"content": "y"})
    assert (status, body["code"]) == (404, 10008)
    assert interaction.messages == []


async def test_the_answer_comes_back_when_asked_for(
    discord: Sandbox, raw: Raw, ada: Person
) -> None:
    interaction = await typed(discord, raw, ada)
    payload = {"type": 4, "data": {"content": "hello"}}
    status, body = await raw.answer(interaction, payload, params={"with_response": "true"})
    assert status == 200
    assert body["resource"]["message"]["content"] == "hello"
    assert body["interaction"]["response_message_ephemeral"] is False


@pytest.mark.parametrize("kind", [6, 7, 8])
async def test_answers_that_do_not_fit_a_command(
    discord: Sandbox, raw: Raw, ada: Person, kind: int
) -> None:
    interaction = await typed(discord, raw, ada)
    data: dict[str, Any] = {"choices": []} if kind == 8 else {"content": "x"}
    status, body = await raw.answer(interaction, {"type": kind, "data": data})
    assert (status, body["code"]) == (400, 50035)
    assert body["errors"]["type"]["_errors"][0]["code"] == "BASE_TYPE_CHOICES"
    assert len(discord.violations) == 1


async def test_an_app_that_came_with_its_user(discord: Sandbox, raw: Raw) -> None:
    elsewhere = discord.add_guild("elsewhere", bot_is_in=False)
    channel = discord.add_channel("lobby", guild=elsewhere)
    ada = discord.person("ada", channel=channel, installed_app=True)
    with pytest.raises(NotOffered, match="installed neither"):
        await typed(discord, raw, ada)
    interaction = await typed(discord, raw, ada, integration_types=[0, 1], contexts=[0, 1, 2])
    assert (await raw.answer(interaction, {"type": 4, "data": {"content": "0"}}))[0] == 204
    for number in range(5):
        followup = await raw.call("POST", raw.webhook(interaction), {"content": str(number + 1)})
        assert followup[0] == 200
    status, body = await raw.call("POST", raw.webhook(interaction), {"content": "6"})
    assert (status, body["code"]) == (400, 40094)
    status, body = await raw.call("POST", f"/channels/{channel.id}/messages", {"content": "x"})
    assert (status, body["code"]) == (403, 50001)


async def test_commands_for_some_only(discord: Sandbox, raw: Raw, ada: Person) -> None:
    with pytest.raises(NotOffered, match="age-restricted"):
        await typed(discord, raw, ada, nsfw=True)
    dark = discord.add_channel("dark", nsfw=True)
    await typed(discord, raw, ada.at(dark), nsfw=True)
    with pytest.raises(NotOffered, match="needs a permission"):
        await typed(discord, raw, ada, default_member_permissions=MANAGE_GUILD)
    boss = discord.person("boss", permissions=MANAGE_GUILD)
    await typed(discord, raw, boss, default_member_permissions=MANAGE_GUILD)
    with pytest.raises(NotOffered, match="not offered in this kind"):
        await typed(discord, raw, ada.in_dm(), contexts=[0])


async def test_what_the_gateway_says_of_an_interaction(
    discord: Sandbox, raw: Raw, ada: Person
) -> None:
    discord.guild.upload_limit = 50 * 1024 * 1024
    socket = await raw.connect()
    await socket.until("READY")
    interaction = await typed(discord, raw, ada)
    said = (await socket.until("INTERACTION_CREATE"))["d"]
    assert said["attachment_size_limit"] == 50 * 1024 * 1024
    assert said["locale"] == said["guild_locale"] == "en-US"
    assert said["authorizing_integration_owners"] == {"0": str(discord.guild.id)}
    assert said["context"] == 0
    assert said["member"]["user"]["username"] == "ada"
    assert said["token"] == interaction.token


async def test_nothing_comes_of_a_silent_command(bot: SmallBot, ada: Person) -> None:
    interaction = await ada.slash("silent")
    with pytest.raises(TimeoutError):
        await interaction.acknowledged(0.05)
    with pytest.raises(TimeoutError, match=r"silent: after 0\.05 s there was no message"):
        await interaction.message(within=0.05)
