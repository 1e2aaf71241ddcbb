"""Brings HDR films down to what an ordinary screen shows, as Chromium does it.

Films of phones and cameras in BT.2020 with the PQ or the HLG curve (ITU-R BT.2100). Chromium dims
them to half, so that there is room for what is brighter than white, and bends the rest: the curve
below was measured in Chromium 156 with a ramp of grays. It is applied by the brightest channel, so
that colours keep their hue.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from generator.media.clip import Frames
from generator.sources.film_timeline import HLG, PQ

_WHITE_NITS = 203.0  # of diffuse white (ITU-R BT.2408)
_HLG_PEAK_NITS = 1000.0
_STRIP = 128  # rows at a time: a picture as floats takes four times its memory
_LIGHT = (0.0, 1.0, 1.219, 1.481, 1.805, 2.203, 2.693, 3.297, 4.041, 4.926)  # 1 is white
_SHOWN = (0.0, 0.503, 0.578, 0.652, 0.709, 0.769, 0.829, 0.887, 0.946, 1.0)
_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    np.float32,
)  # from BT.2020's primaries (ITU-R BT.2087)
_BRIGHTNESS = np.array([0.2627, 0.6780, 0.0593], np.float32)
_SRGB_STEPS = 16_383

_Light = npt.NDArray[np.float32]


def tone_map(picture: Image.Image, transfer: str) -> Image.Image:
    """Return an RGB picture as a screen shows it; its ``transfer`` is one of HDR's curves."""
    codes = np.asarray(picture)
    shown = np.empty_like(codes)
    for top in range(0, len(codes), _STRIP):
        shown[top : top + _STRIP] = _shown(codes[top : top + _STRIP], transfer)
    return Image.fromarray(shown)


def _shown(codes: Frames, transfer: str) -> Frames:
    light = _curve(transfer)[codes]
    if transfer == HLG:  # so far it is the scene's; a display makes the bright brighter
        light *= _HLG_PEAK_NITS / _WHITE_NITS * (light @ _BRIGHTNESS)[..., None] ** 0.2
    brightest = light.max(axis=-1, keepdims=True)
    light *= np.interp(brightest, _LIGHT, _SHOWN) / np.maximum(brightest, 1e-9)
    levels = (light @ _TO_BT709.T).clip(0.0, 1.0) * _SRGB_STEPS + 0.5
    return _srgb()[levels.astype(np.uint16)]


@cache
def _curve(transfer: str) -> _Light:
    """Return the light of each of 256 codes: of PQ 1 is white, of HLG 1 is the brightest."""
    codes = np.linspace(0.0, 1.0, 256)
    if transfer == PQ:  # SMPTE ST 2084
        root = codes ** (1 / 78.84375)
        bent = np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)
        return (10_000 / _WHITE_NITS * bent ** (1 / 0.1593017578125)).astype(np.float32)
    above = (np.exp((codes - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return np.where(codes <= 0.5, codes**2 / 3, above).astype(np.float32)


@cache
def _srgb() -> Frames:
    """Return the sRGB level of each of 16,384 steps of light."""
    light = np.linspace(0.0, 1.0, _SRGB_STEPS + 1)
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return (curve * 255).round().astype(np.uint8)
