"""``hotshot-bot demo``: one GIF in a Discord on this machine, to see that all works."""

from __future__ import annotations

import argparse

from bot.demo.run import Plan, run_until_stopped


def execute(arguments: argparse.Namespace) -> int:
    plan = Plan(prompt=arguments.prompt, output=arguments.output, model=arguments.model)
    return run_until_stopped(plan)
