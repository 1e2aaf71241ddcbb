"""The systems that Hotshot runs on. Standard library only: asked before anything is imported."""

from __future__ import annotations

import platform

from generator.contract.errors import HotshotError

_RUNS_ON = ("Linux", "Darwin")


class PlatformError(HotshotError):
    """Hotshot doesn't run on this system."""

    is_translated = False


def check_platform(system: str | None = None) -> None:
    """Raise PlatformError on a system that locks, signals and limits processes differently.

    ``system`` is as ``platform.system()`` tells it.
    """
    found = system or platform.system()
    if found not in _RUNS_ON:
        raise PlatformError(
            f"Hotshot runs on Linux and macOS, but this is {found}; on Windows, run it in WSL 2 "
            "('wsl --install' in PowerShell sets it up)."
        )
