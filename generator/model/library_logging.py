"""Keeps the libraries from talking: their hints are for people with their code in view."""

from __future__ import annotations

import diffusers.utils.logging
import huggingface_hub.utils.logging
import transformers.utils.logging


def quiet_libraries() -> None:
    """Have the libraries log nothing but errors; the hub's downloads still show their progress."""
    huggingface_hub.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.disable_progress_bar()
        library.set_verbosity_error()
