"""``hotshot-bot`` again and again in one process, which imports once: a line of JSON a command.

Each is the list of its arguments; what it ended with is printed as ``<code>``.
"""

from __future__ import annotations

import json
import signal
import sys

from bot.__main__ import main

if __name__ == "__main__":
    for line in sys.argv[1:]:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # as a new process has it
        print(f"<{main(json.loads(line))}>", flush=True)
