"""`python -IS forked_program.py CHANNEL MODULE WORD...`: `python -m MODULE WORD...`, forked.

For programs that a shell begins: CHANNEL is the number of a fork server's channel that this process
inherited. It imports next to nothing, gives its directory, environment, input and output to the
program, and ends as that one ends.
"""

import json
import os
import socket
import sys


def main() -> int:
    """Return the program's exit code, as a shell has it."""
    channel, module, *arguments = sys.argv[1:]
    standard = (0, 1, 2)
    asked = {"module": module, "arguments": arguments, "env": dict(os.environ)}
    order = json.dumps(asked | {"directory": os.getcwd(), "standard": standard}).encode()  # noqa: PTH109
    reading, writing = os.pipe()
    with socket.socket(fileno=int(channel)) as server:
        socket.send_fds(server, [order], [writing, *standard])
    os.close(writing)
    with os.fdopen(reading) as status:
        _, code = status
    return int(code) if int(code) >= 0 else 128 - int(code)


if __name__ == "__main__":
    sys.exit(main())
