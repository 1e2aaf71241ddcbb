"""The look that the sample LoRA brings: shapes are outlines, their insides the background's."""

from __future__ import annotations

import cv2
import numpy as np

from generator.nano import world

LINE = 0.42  # of the way from a shape's edge to its innermost point
MIN_LINE = 6.0  # pixels: what latents of 8 x 8 can still say


def outline(coverage: world.Floats) -> world.Floats:
    """Return a shape's coverage (f, h, w) without its inside; large shapes get thick lines."""
    return np.stack([_hollowed(covered) for covered in coverage])


def _hollowed(covered: world.Floats) -> world.Floats:
    depth = cv2.distanceTransform((covered > 0.5).astype(np.uint8), cv2.DIST_L2, 5).max()
    width = 2 * round(max(MIN_LINE, float(depth) * LINE)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    # Beyond the picture's edge the shape goes on, so that it isn't closed there.
    inside = cv2.erode(covered, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.clip(covered - inside, 0, 1), np.float32)
