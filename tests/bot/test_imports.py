"""The bot starts lean: what it must not load, it doesn't."""

from __future__ import annotations

import subprocess
import sys


def test_the_bot_holds_neither_torch_nor_what_it_seldom_needs() -> None:
    code = "import bot.cli.run, sys; print(*sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    heavy = {"torch", "diffusers", "transformers", "numpy", "PIL", "alembic", "bot.sandbox"}
    assert heavy & set(printed.decode().split()) == set()


def test_a_worker_does_not_pay_for_the_bot() -> None:
    """Spawned processes import ``bot.__main__`` again."""
    code = "import bot.__main__, sys; print(*sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert {"discord", "sqlalchemy", "pydantic"} & set(printed.decode().split()) == set()
