"""A model whose numbers aren't finite posts a sentence, and never a black GIF."""

from __future__ import annotations

import shutil
from pathlib import Path

from safetensors.torch import load_file, save_file

from bot.sandbox import Person, Sandbox
from tests.bot.end_to_end.process import Setup, running

TINY = Path(__file__).parents[2] / "data" / "reference" / "tiny"
REAL = "generator.inference.hotshot_engine:create"


async def test_a_damaged_vae_is_told(
    setup: Setup, discord: Sandbox, ada: Person, tmp_path: Path
) -> None:
    model = shutil.copytree(TINY, tmp_path / "damaged")
    file = model / "vae/diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    tensors["decoder.conv_out.weight"].view(-1)[0] = float("nan")
    save_file(tensors, file)
    config = setup.write(generator={"model": str(model), "engine": REAL, "devices": "cpu"})
    async with running(config, discord):
        sent = await ada.slash("gif", prompt="a red ball", steps=2, frames=2)
        told = await sent.message(lambda message: "aren't finite" in message.text, 120)
        assert "The VAE of damaged holds numbers" in told.text
        await setup.all_notified()
        assert not any(message.files for message in sent.messages)
