"""Keeps the libraries from talking: their hints are for people with their code in view."""

from __future__ import annotations

import os
import sys

import huggingface_hub.utils.logging
from huggingface_hub.utils.tqdm import disable_progress_bars

from generator.model.plain_diffusers import logging as diffusers_logging


def quiet_libraries() -> None:
    """Have the libraries log nothing but errors, and show no progress of their own.

    transformers is told before somebody imports it, which few requests need.
    """
    huggingface_hub.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    disable_progress_bars()
    diffusers_logging.disable_progress_bar()
    diffusers_logging.set_verbosity_error()
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    if "transformers" in sys.modules:
        import transformers.utils.logging

        transformers.utils.logging.disable_progress_bar()
        transformers.utils.logging.set_verbosity_error()
