"""The real NudeNet, with what is harmless: a face on a portrait in the public domain is withheld.

NudeNet is under the AGPL, so nothing here installs it: where somebody has (``pip install nudenet
scikit-image``, whose wheel has NASA's portrait of an astronaut), this runs.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from bot.sandbox import Person, Sandbox, Upload
from tests.bot.end_to_end.process import Setup, run_to_end, running
from tests.bot.end_to_end.test_buttons import posted, said
from tests.bot.end_to_end.test_gate import results_in
from tests.bot.end_to_end.test_words import MANAGE_MESSAGES
from tests.bot.engines.portrait import PICTURE
from tests.patience import PATIENCE, until

pytestmark = pytest.mark.slow

SEEN = "found FACE\\_FEMALE in it"  # as Discord is told, for which _ is a mark


@pytest.fixture
def astronaut(monkeypatch: pytest.MonkeyPatch) -> Upload:
    """The portrait, which the engine makes as well."""
    for package, what in (("nudenet", "the detector"), ("skimage", "a portrait")):
        if find_spec(package) is None:
            pytest.skip(f"{package} ({what}) isn't installed, and tests don't: see this file")
    found = find_spec("skimage")
    assert found is not None
    assert found.origin is not None
    portrait = Path(found.origin).parent / "data" / "astronaut.png"
    monkeypatch.setenv(PICTURE, str(portrait))
    return Upload("astronaut.png", portrait.read_bytes())


async def test_a_face_is_withheld_where_faces_are(
    setup: Setup, discord: Sandbox, ada: Person, astronaut: Upload
) -> None:
    setup.engine = "tests.bot.engines.portrait:create"
    mia = discord.person("mia", permissions=MANAGE_MESSAGES)
    log = discord.add_channel("log")
    faces = {"model": "nudenet", "withhold": {"FACE_FEMALE": 0.6}, "seconds": PATIENCE}
    config = setup.write(detector=faces)
    code, output = await run_to_end(config, "doctor")
    assert "nudenet" in output, (code, output)
    async with running(config, discord):
        await discord.commands_registered()
        await said(await mia.slash("moderation log", channel=log))
        # what is brought, and what is made
        refused = await said(await ada.slash("gif", prompt="x", image=astronaut))
        assert refused.startswith("astronaut.png can't be used here.")
        assert SEEN in refused
        assert (await posted(await ada.slash("gif", prompt="a box", frames=2))).results
        asked = await ada.slash("gif", prompt="a portrait", frames=3)
        reason = await asked.message(lambda message: SEEN in message.text)
        assert not reason.results
        assert len(results_in(discord)) == 1
        await setup.all_notified()
        # a moderator has it posted all the same; another server's way is to cover it
        assert "A moderator has been asked" in await said(
            await ada.press(reason, "Ask a moderator")
        )
        [shown] = discord.messages_in(log)
        assert SEEN in shown.text
        await (await mia.press(shown, "Allow")).acknowledged()
        await until(lambda: [row["state"] for row in setup.rows("state")] == ["done", "done"])
        await said(await mia.slash("moderation pictures", mode="spoiler"))
        covered = await posted(await ada.slash("gif", prompt="a portrait", frames=3, seed="7"))
        assert covered.results[0].filename.startswith("SPOILER_")
        await setup.all_over()
