"""Keeps diffusers and transformers from talking: their bars and hints are for people with their
code in view."""

from __future__ import annotations

import diffusers.utils.logging
import transformers.utils.logging


def quiet_libraries() -> None:
    """From here on they say nothing but errors."""
    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.disable_progress_bar()
        library.set_verbosity_error()
