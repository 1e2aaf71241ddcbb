"""What a request is beside its words and its seed: all that what it takes to make depends on.

Many people ask for the same in other words, and a queue asks again and again what its jobs take.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from operator import attrgetter
from typing import Any, TypeVar

from generator.contract.messages import Request

T = TypeVar("T")

_MAX_REMEMBERED = 1_000  # shapes: nearly all people ask for a few
_NOT_OF_SHAPE = ("prompt", "negative_prompt", "seed")
_shape: Callable[[Request], tuple[Any, ...]] = attrgetter(
    *(each.name for each in fields(Request) if each.name not in _NOT_OF_SHAPE)
)


def remembered_by_shape(function: Callable[[Request], T]) -> Callable[[Request], T]:
    """Have what a function returns remembered by the shape of its request.

    It must look at no word of it, and return what nobody changes. No words are kept.
    """
    known: dict[tuple[Any, ...], T] = {}

    @wraps(function)
    def remembering(request: Request) -> T:
        shape = _shape(request)
        if shape not in known:
            if len(known) >= _MAX_REMEMBERED:
                known.clear()
            known[shape] = function(request)
        return known[shape]

    return remembering
