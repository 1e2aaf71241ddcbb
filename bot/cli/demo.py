"""``hotshot-bot demo``: one GIF in a Discord on this machine, to see that all works."""

from __future__ import annotations

import argparse

from bot.demo.run import Plan, perform


def execute(arguments: argparse.Namespace) -> int:
    return perform(Plan(prompt=arguments.prompt, output=arguments.output, model=arguments.model))
