"""What ``hotshot-bot try`` says where it can't begin; the page itself is tried in end_to_end."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from bot.__main__ import main


def test_a_port_that_is_taken_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["try", "--port", port, "--log", str(tmp_path / "try.log")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"port {port} (address already in use); choose another with --port." in said
