"""The extras of the package: which optional module comes with which, and what to say without it.

The base installation is the bot and the children that draw and decode for it. Whoever imports more
imports it plainly; where an import error crosses into a command line, a worker's message or a
doctor's finding, ``missing_extra`` makes a sentence of it that holds the line to type.
"""

from __future__ import annotations

from importlib.util import find_spec

from generator.contract.errors import MissingExtraError
from generator.contract.text import Text

_NOT_INSTALLED = Text(
    "This needs {module}, which isn't installed on this machine; "
    '`pip install "hotshot-bot[{extra}]"` installs it.',
    module="",
    extra="",
)
# What the bot needs for GPU hosts; a host itself needs less of it, and the same extra.
REMOTE_MODULES = ("cryptography", "nats", "nkeys")
METRICS_MODULE = "prometheus_client"
# Others may bring parts of opentelemetry, so this last one of them is asked for.
TRACING_MODULE = "opentelemetry.exporter.otlp.proto.http"
# Top-level module -> extra. tests/test_extras.py holds it to pyproject.toml.
EXTRA_OF = {
    **dict.fromkeys(
        (
            "accelerate",
            "compel",
            "diffusers",
            "einops",
            "huggingface_hub",
            "peft",
            "safetensors",
            "torch",
            "tqdm",
            "transformers",
        ),
        "generator",
    ),
    "tensorboard": "train",
    "wandb": "wandb",
    "psycopg": "postgresql",
    "pi_heif": "heic",
    "nudenet": "nudenet",
    "torchao": "fp8",
    **dict.fromkeys(REMOTE_MODULES, "remote"),
    METRICS_MODULE: "metrics",
    "opentelemetry": "tracing",
}


def require_modules(*modules: str, extra: str = "") -> None:
    """Raise MissingExtraError for the first of these that isn't there. Imports none of them.

    ``extra`` is named instead of the module's own where it includes that and is needed as well.
    """
    for module in modules:
        if not _is_there(module):
            raise _missing(module, extra)


def missing_extra(error: BaseException | None) -> MissingExtraError | None:
    """Return the sentence for an import that an extra would have served; None for other errors.

    Libraries wrap such errors in their own, so the causes are looked at as well.
    """
    while error is not None:
        module = (error.name or "").partition(".")[0] if isinstance(error, ImportError) else ""
        if module in EXTRA_OF and find_spec(module) is None:
            return _missing(module)
        error = error.__cause__
    return None


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # one of the packages that it is in
        return False


def _missing(module: str, extra: str = "") -> MissingExtraError:
    named = extra or EXTRA_OF[module.partition(".")[0]]
    return MissingExtraError(_NOT_INSTALLED.with_values(module=module, extra=named))
