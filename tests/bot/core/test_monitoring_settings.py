"""``[metrics]`` and ``[tracing]``: what is read, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.config import load
from bot.core.errors import ConfigError
from bot.core.monitoring_settings import MetricsSettings


def test_a_port_needn_t_be_said() -> None:
    assert MetricsSettings(listen="127.0.0.1").listen_address == ("127.0.0.1", 9464)
    assert MetricsSettings(listen="[::1]:80").listen_address == ("::1", 80)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("[metrics]\nlisten = '127.0.0.1:99999'", '127.0.0.1:9464" '),
        ("[metrics]\nlisten = 'http://127.0.0.1'", "a name or an IP address is expected"),
        ("[metrics]\nhosts = ['bot:80']", "names without a port are expected"),
        ("[metrics]\nhosts = ['a b']", "a name or an IP address is expected"),
        ("[tracing]\nendpoint = 'collector:4318'", '"http://127.0.0.1:4318" is expected'),
        ("[tracing]\nendpoint = 'http://'", '"http://127.0.0.1:4318" is expected'),
        ("[log]\nprompts = 'some'", "log.prompts"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, lines: str, said: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(lines, encoding="utf-8")
    with pytest.raises(ConfigError) as refusal:
        load(file)
    assert said.strip() in str(refusal.value)
