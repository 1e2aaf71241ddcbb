"""What each bot reads as it starts and never changes: a fork server hands it on to all of them."""

from bot.core import translations
from generator.checkpoints.inspect.architecture import sdxl_layers

translations.load()
sdxl_layers()
