"""The recorded model, as the network's own tests have it."""

from tests.generator.hotshot.conftest import tiny

__all__ = ["tiny"]
