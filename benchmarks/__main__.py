"""``python -m benchmarks [SECTION ...]``: the README's figures as Markdown tables; writes no file.

Each section is a process of its own, so that none's memory or threads weigh on another's.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import psutil

SECTIONS = {
    "generator": "hotshot gif with nano; a UNet step and a GIF beside plain diffusers; peak memory",
    "clips": "long clips by nano: frames a second and memory by length and motion; takes minutes",
    "worker": "a worker of nano with 20 jobs behind each other: what it waits between them",
    "start": "hotshot gif with nano, cold, beside importing torch; a first GIF beside the next",
    "variations": "four variations of one prompt together, beside four single ones",
    "training": "a fine-tuning step: seconds and memory",
    "media": "GIF encoders: bytes, quality and CPU time; downloads three short films once",
    "sources": "reading films: a long one beside a short one; CPU beside ffmpeg's",
    "bot": "how soon the bot answers, starts and hands out work; takes minutes",
    "library": "the bot with 10,000 LoRAs and a history of 100,000 jobs; takes minutes",
    "scrape": "how long Prometheus waits for a busy bot with a history of 10,000 jobs",
    "page": "the sandbox's page in Chromium with 1,000 messages: longest task, first paint",
    "gallery": "how soon four variations stand in one message after the last of them",
    "words": "what the gate takes to look through a prompt, with 10,000 words and 500 patterns",
    "detector": "what the gate takes to look at a result, and how often it is wrong; takes minutes",
    "turns": "how long one person waits for an edit while another has pressed a hundred times",
    "fair": "how long people wait beside one who asks without end; what the queue costs; minutes",
    "fleet": "the queue in virtual time: a thousand workers, a hundred thousand jobs, four models",
    "estimates": "how true the time left is, after ten jobs of a kind; takes minutes",
    "remote": "workers on GPU hosts beside those here, how many a bot carries; takes minutes",
    "load": "the bot with a hundred people typing; takes minutes",
    "backup": "a backup of 100,000 jobs and 2 GB beside 50 commands a second; minutes, and 8 GB",
    "postgresql": "first answers with PostgreSQL beside SQLite at 200 commands a second",
}
_LIBRARIES = ("torch", "diffusers", "discord.py", "numpy", "pillow")


def main() -> int:
    """Runs the sections asked for; 1 where one of them failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measures; prints Markdown tables.",
        epilog="sections:\n" + "\n".join(f"  {name:10} {what}" for name, what in SECTIONS.items()),
    )
    parser.add_argument(
        "section", nargs="*", metavar="SECTION", help="what to measure (default: all)"
    )
    chosen = parser.parse_args().section or list(SECTIONS)
    if unknown := [name for name in chosen if name not in SECTIONS]:
        parser.error(f"there is no section {unknown[0]}; there are {', '.join(SECTIONS)}")
    print(_machine(), flush=True)
    failed = [name for name in chosen if not _succeeds(name)]
    if failed:
        print(f"\nThese sections failed: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


def _succeeds(section: str) -> bool:
    command = [sys.executable, "-m", f"benchmarks.{section}"]
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603 - this very package


def _machine() -> str:
    """What figures depend on: the machine, and how busy it was already."""
    memory = psutil.virtual_memory().total / 2**30
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB; {platform.platform()}\n"
        f"Python {platform.python_version()}, {libraries}; load before: {os.getloadavg()[0]:.1f}"
    )


def _processor() -> str:
    try:
        facts = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        named = [line for line in facts if line.startswith("model name")]
        return named[0].partition(":")[2].strip()
    except (OSError, IndexError):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
