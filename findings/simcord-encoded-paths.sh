#!/usr/bin/env bash
# simcord does not decode the paths that discord.py asks for: an interaction's message edited through
# a webhook, by the name that Discord documents for it, is a ValueError.
#
# Discord's documentation has PATCH /webhooks/{application.id}/{interaction.token}/messages/@original.
# discord.py 2.7.1 writes that itself for Interaction.edit_original_response, and "%40original" for
# Webhook.edit_message("@original"), since it quotes every value of a path; for a server the two are
# one. simcord 3.2.1 matches the quoted text against its routes, takes it for a message's id, and
# raises "invalid literal for int()" out of the bot's own call, rather than one of Discord's errors.
#
# Its submit_modal wants every required field anew, also one that the form was opened with a value
# for, which Discord's client sends as it stands. And it lists a message's files that a component
# shows among its attachments, where Discord, on purpose, leaves them out (discord-api-docs #8277),
# so a bot that looks for its own file in message.attachments finds it there and not in Discord.
#
# Prints versions and what was seen; exits with an error if that has changed. Python 3.11 or newer.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet simcord==3.2.1 discord.py==2.7.1

cat > "$work/look.py" <<'PYTHON'
import asyncio, io, sys
import discord, simcord
from discord import app_commands

seen = {}

class Form(discord.ui.Modal, title="A form"):
    words = discord.ui.TextInput(label="Words", custom_id="words", default="as they were")

    async def on_submit(self, interaction):
        await interaction.response.send_message(self.words.value)

async def main():
    client = discord.Client(intents=discord.Intents.default())
    client.tree = tree = app_commands.CommandTree(client)
    client.setup_hook = tree.sync

    @tree.command(description="edits its answer in two ways")
    async def edit(interaction: discord.Interaction):
        await interaction.response.defer()
        await interaction.edit_original_response(content="by the interaction")
        token, number = interaction.token, interaction.application_id
        webhook = discord.Webhook.partial(number, token, client=client)
        try:
            await webhook.edit_message("@original", content="by the webhook")
        except Exception as error:
            seen["webhook"] = f"{type(error).__name__}: {error}"

    @tree.command(description="opens a form that has been filled in")
    async def form(interaction: discord.Interaction):
        await interaction.response.send_modal(Form())

    @tree.command(description="shows a picture in a gallery")
    async def show(interaction: discord.Interaction):
        view = discord.ui.LayoutView()
        item = discord.MediaGalleryItem("attachment://a.gif")
        view.add_item(discord.ui.MediaGallery(item))
        file = discord.File(io.BytesIO(b"GIF89a"), "a.gif")
        await interaction.response.send_message(view=view, file=file)

    async with simcord.run(client) as env:
        guild = env.create_guild()
        channel = guild.create_text_channel("here")
        ada = guild.add_member(env.create_user("ada"))
        answer = (await ada.slash(channel, "edit")).response
        seen["content"] = answer.content
        shown = await ada.slash(channel, "form")
        try:
            await ada.submit_modal(shown, {})
        except Exception as error:
            seen["form"] = f"{type(error).__name__}: {error}"
        gallery = (await ada.slash(channel, "show")).response
        seen["attachments"] = [each.filename for each in gallery.attachments]

asyncio.run(main())
print(*(f"{name}: {text}" for name, text in seen.items()), sep="\n")
if seen != {
    "webhook": "ValueError: invalid literal for int() with base 10: '%40original'",
    "content": "by the interaction",
    "form": "SetupError: Required modal control 'words' was not supplied",
    "attachments": ["a.gif"],
}:
    sys.exit("this has changed")
PYTHON

"$work/venv/bin/pip" list 2> /dev/null | grep -E "^(simcord|discord.py) "
"$work/venv/bin/python" "$work/look.py"
