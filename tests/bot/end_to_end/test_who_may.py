"""Every command, button, menu and form, and who may use it: the table, and strangers who try.

A thing that is added without a line here fails the first test.
"""

from __future__ import annotations

import pytest
from discord import app_commands

from bot.commands import ACTIONS, DYNAMIC_ITEMS, all_commands, settings_panel
from bot.sandbox import Interaction, Person, Sandbox, Upload
from bot.sandbox.interactions import MODAL_SUBMIT
from generator.contract.limits import ModelLimits
from generator.contract.options.spec import Group
from tests.bot import files
from tests.bot.end_to_end.panels import asked
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.test_buttons import forge, posted, said
from tests.bot.end_to_end.test_lora import lora

pytestmark = pytest.mark.slow

ANYBODY = "anybody, for themselves"
USABLE = "whoever may use that LoRA"
OWNER = "its owner"
OWNER_OR_MANAGER = "its owner, or who manages the server"
MANAGER = "who manages the server"
MODERATOR = "who may delete others' messages on the server"
MAKER = "who may create expressions on the server"
WHERE_IT_STANDS = "its owner, and the others where it was posted for all to see"

COMMANDS = {
    "gif": ANYBODY,
    "history": ANYBODY,
    "gallery": "whoever sees the gallery's channel",
    "show": "its owner, and those who marked it",
    "queue": ANYBODY,
    "cancel": OWNER_OR_MANAGER,
    "help": ANYBODY,
    "lora add": ANYBODY,
    "lora list": ANYBODY,
    "lora browse": ANYBODY,
    "lora info": USABLE,
    "lora try": USABLE,
    "lora rename": OWNER,
    "lora remove": OWNER,
    "lora share": OWNER_OR_MANAGER,
    "settings mine": ANYBODY,
    "settings server": MANAGER,
    "quota": ANYBODY,
    "privacy": ANYBODY,
    "moderation words": MODERATOR,
    "moderation log": MODERATOR,
    "moderation pictures": MODERATOR,
    "moderation block": MODERATOR,
    "moderation unblock": MODERATOR,
    "moderation blocked": MODERATOR,
    "moderation quota": MODERATOR,
    "moderation audit": MODERATOR,
    "moderation server": "whoever runs the bot",
    "Use as motion": ANYBODY,
    "Animate this": ANYBODY,
    "Remix": ANYBODY,
    "Report": WHERE_IT_STANDS,
    "Remove": OWNER_OR_MANAGER,
}
OF_A_JOB = {
    "again": WHERE_IT_STANDS,
    "vary_subtle": WHERE_IT_STANDS,
    "vary_strong": WHERE_IT_STANDS,
    "longer": WHERE_IT_STANDS,
    "stretch": WHERE_IT_STANDS,
    "closed_loop": WHERE_IT_STANDS,
    "continue": WHERE_IT_STANDS,
    "continue_send": WHERE_IT_STANDS,
    "upscale": WHERE_IT_STANDS,
    "edit": WHERE_IT_STANDS,
    "edit_send": WHERE_IT_STANDS,
    "motion": WHERE_IT_STANDS,
    "motion_send": WHERE_IT_STANDS,
    "favourite": WHERE_IT_STANDS,
    "recipe": WHERE_IT_STANDS,
    "make_again": OWNER,
    "share": OWNER,
    "add_emoji": f"{WHERE_IT_STANDS}, who may create expressions",
    "add_sticker": f"{WHERE_IT_STANDS}, who may create expressions",
    "delete": OWNER_OR_MANAGER,
    "delete_sure": OWNER_OR_MANAGER,
    "report": WHERE_IT_STANDS,
    "report_send": WHERE_IT_STANDS,
    "actions": WHERE_IT_STANDS,
    "more": WHERE_IT_STANDS,
    "caption_send": WHERE_IT_STANDS,
    "sampling_send": WHERE_IT_STANDS,
    "model_send": WHERE_IT_STANDS,
}
OF_A_DRAFT = {
    "sheet_type": OWNER,
    "sheet_part": OWNER,
    "sheet_strength": OWNER,
    "sheet_go": OWNER,
    "sheet_prompt": OWNER,
    "sheet_cancel": OWNER,
    **{f"panel_{group}": OWNER for group in Group},
    **{f"panel_{group}_send": OWNER for group in Group},
    "panel_go": OWNER,
    "panel_cancel": OWNER,
    "panel_back": OWNER,
    **{f"panel_{kind}_{what}": OWNER for kind in ("lora", "style") for what in ("page", "pick")},
    "panel_suggest": OWNER,
    "panel_describe": OWNER,
    "panel_describe_send": OWNER,
    "panel_suggest_pick": OWNER,
    "animate_open": OWNER,
    "animate_send": OWNER,
    "form_open": OWNER,
    "remix_open": OWNER,
    "remix_send": OWNER,
}
OTHERS = {
    "history_pick": "its owner, and those who marked it",
    "lora_try": USABLE,
    "help_page": ANYBODY,
    "privacy_export": "whoever it is about",
    "privacy_erase": "whoever it is about",
    "privacy_erase_sure": "whoever it is about",
    "privacy_text": ANYBODY,
    "rules_undo": MANAGER,
    "words_open": MODERATOR,
    "words_send": MODERATOR,
    "appeal": "its owner",
    "appeal_allow": MODERATOR,
    "appeal_keep": MODERATOR,
    "report_keep": MODERATOR,
    "report_remove": MODERATOR,
    **{name: MANAGER for name in settings_panel.ACTIONS if name.startswith("set_server")},
    "cancel_group": OWNER_OR_MANAGER,
    **{f"{kind}_name": MAKER for kind in ("emoji", "sticker")},
    **{f"{kind}_name_send": MAKER for kind in ("emoji", "sticker")},
    "vote": "whoever sees the gallery's channel and isn't blocked, but its owner",
    "unshare": "its owner, and moderators",
    "unshare_sure": "its owner, and moderators",
}
ONES_OWN = {name: ANYBODY for name in settings_panel.ACTIONS if name.startswith("set_mine")}
BUTTONS = {
    "ActionButton": "as its action says",
    "ActionMenu": "as its action says",
    "CancelButton": OWNER_OR_MANAGER,
    "OriginalButton": WHERE_IT_STANDS,
    "PageButton": ANYBODY,
}


def test_the_table_is_whole() -> None:
    names: set[str] = set()
    for command in all_commands(ModelLimits()):
        if isinstance(command, app_commands.Group):
            names |= {each.qualified_name for each in command.walk_commands()}
        else:
            names.add(command.qualified_name)
    assert names == set(COMMANDS)
    assert set(ACTIONS) == {*OF_A_JOB, *OF_A_DRAFT, *OTHERS, *ONES_OWN}
    assert {item.__name__ for item in DYNAMIC_ITEMS} == set(BUTTONS)


async def test_a_stranger_gets_no_further_than_a_sentence(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    """With forged custom_ids, by every action, on a private job and on somebody's draft."""
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(queue={"per_user_second": 1000}), discord) as bot:
        message = await posted(await asked(ada, prompt="secret", private=True))
        sent = await ada.slash("gif", prompt="x", control_gif=Upload("a.gif", files.gif()))
        sheet = await sent.message(lambda message: message.files)
        await setup.all_over()
        job_id = setup.rows("id")[0]["id"]
        draft_id = sheet.buttons[0]["custom_id"].rpartition(":")[2]
        public = await posted(await ada.slash("gif", prompt="for all"))
        await setup.all_over()
        targets = dict.fromkeys([*OF_A_JOB, *OTHERS], job_id)
        targets |= dict.fromkeys(OF_A_DRAFT, draft_id)
        for number, (action, target) in enumerate(targets.items()):
            button = f"do:{action}:{target}"
            pressed = await bob.press(forge(public, button), button)
            for answer in (
                await said(pressed),
                await said(submit(pressed, bob, f"form:{action}:{target}:{number:016x}")),
                await said(submit(pressed, bob, f"form:{action}:{target}")),
            ):
                assert answer.endswith("."), (action, answer)
                assert "secret" not in answer, action
                assert "inside the bot" not in answer, (action, answer)
        original = await bob.press(forge(public, f"master:{job_id}"), f"master:{job_id}")
        assert "somebody else's" in await said(original)
        assert "have no such GIF" in await said(await bob.slash("show", id=job_id))
        assert "None of your GIFs" in await said(await bob.slash("history", search="secret"))
        assert "Traceback" not in bot.log
    assert [row["user_name"] for row in setup.rows("user_name")] == ["ada", "ada"]
    assert not message.deleted


async def test_many_at_once_cost_sentences_only(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    """A flood of one person's: bounded, and others are served meanwhile."""
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(queue={"per_user": 5}), discord) as bot:
        source = Upload("a.gif", files.gif())
        flood = [
            await ada.slash("gif", prompt="x", control_gif=source, control_type="canny")
            for _ in range(10)
        ]
        flood += [await ada.slash("gif", prompt="x") for _ in range(50)]
        await bob.slash("gif", prompt="bob's own")
        await discord.until(lambda: has_file_of(discord, "bob's own"))  # in whatever message
        answers = [message.text for interaction in flood for message in interaction.messages]
        assert any("still being read" in words for words in answers)
        await setup.all_over()
        assert "Traceback" not in bot.log
        added = await ada.slash("lora add", name="x", file=Upload("x.safetensors", lora()))
        assert "SDXL" in await said(added)


def has_file_of(discord: Sandbox, prompt: str) -> bool | None:
    every = discord.messages_in(discord.channel)
    return any(message.results and prompt in message.text for message in every) or None


def submit(shown: Interaction, person: Person, custom_id: str) -> Interaction:
    """A form that was never shown."""
    data = {"custom_id": custom_id, "components": []}
    return person._send(MODAL_SUBMIT, data, source=shown.source, parent=shown)
