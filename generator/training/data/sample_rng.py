"""All that is drawn for one sample of one step, from the seed and its position alone.

Nothing here depends on what was drawn before, on the device, or on which process asks: that is what
makes a run resume to the bit, and two processes give the losses of one.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class SampleRng:
    """The randomness of the sample at ``position`` of the global batch of ``step``; CPU tensors.

    Draw in one order always.
    """

    def __init__(self, seed: int, step: int, position: int) -> None:
        (state,) = np.random.SeedSequence([seed, step, position]).generate_state(1, np.uint64)
        self._generator = torch.Generator().manual_seed(int(state >> 1))

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self._generator)

    def uniform(self) -> float:
        return float(torch.rand((), generator=self._generator))

    def below(self, limit: int) -> int:
        return int(torch.randint(limit, (), generator=self._generator))

    def noise(self, shape: torch.Size, offset: float) -> Tensor:
        """Draw noise (c, f, h, w); with an offset, some of it is the same all over a channel.

        Guttenberg, "Diffusion with Offset Noise" (2023): pictures may then become dark or bright.
        """
        noise = self.normal(*shape)
        if offset:
            noise = noise + offset * self.normal(shape[0], *(1 for _ in shape[1:]))
        return noise
