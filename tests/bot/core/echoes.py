"""``python -m tests.bot.core.echoes GREETING``: says each line again; some lines do otherwise."""

from __future__ import annotations

import os
import signal
import sys

print(sys.argv[1], flush=True)
for line in sys.stdin:
    if line == "die\n":
        os.kill(os.getpid(), signal.SIGKILL)
    if line == "leave\n":
        sys.exit(3)
    if line == "endless\n":
        print("x" * 2**23, end="", flush=True)
    if line != "silence\n":
        print(line, end="", flush=True)
