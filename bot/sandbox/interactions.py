"""Discord's numbers for interactions and for the first answers to them, and its time limits."""

from __future__ import annotations

ANSWER_WITHIN = 3.0  # seconds until the first answer must have come
TOKEN_LIFE = 15 * 60.0  # seconds that the token is good for afterwards

# Types of an interaction.
COMMAND = 2
COMPONENT = 3
AUTOCOMPLETE = 4
MODAL_SUBMIT = 5

# Types of a first answer.
MESSAGE = 4
DEFERRED_MESSAGE = 5
DEFERRED_UPDATE = 6
UPDATE = 7
CHOICES = 8
MODAL = 9
