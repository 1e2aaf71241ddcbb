"""``hotshot-bot demo``: one GIF in a Discord on this machine, to see that all works."""

from __future__ import annotations

import argparse

from bot.demo.run import Plan, perform


def execute(chosen: argparse.Namespace) -> int:
    return perform(Plan(prompt=chosen.prompt, output=chosen.output, model=chosen.model))
