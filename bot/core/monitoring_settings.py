"""``[metrics]`` and ``[tracing]``: what whoever runs the bot watches it by."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import field_validator

from bot.core.remote_settings import Address, parse_address
from bot.core.section import Section

METRICS_PORT = 9464
_EXAMPLE = f"127.0.0.1:{METRICS_PORT}"


class MetricsSettings(Section):
    """``listen`` is where Prometheus asks, and whoever wants to know whether the bot is well.

    Empty: nobody can. ``hosts`` are names that may stand in a request's Host header beside those
    of this machine.
    """

    listen: str = ""
    hosts: tuple[str, ...] = ()

    @field_validator("listen")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if value:
            parse_address(value, METRICS_PORT, example=_EXAMPLE)
        return value

    @field_validator("hosts")
    @classmethod
    def _are_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if parse_address(name, METRICS_PORT, example="bot").port != METRICS_PORT:
                raise ValueError("names without a port are expected")
        return tuple(name.lower() for name in value)

    @property
    def listen_address(self) -> Address:
        """Where the bot answers."""
        return parse_address(self.listen, METRICS_PORT, example=_EXAMPLE)


class TracingSettings(Section):
    """``endpoint`` is a collector that takes OTLP over HTTP; empty: no traces are made."""

    endpoint: str = ""

    @field_validator("endpoint")
    @classmethod
    def _is_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError('an address such as "http://127.0.0.1:4318" is expected')
        return value.rstrip("/")
