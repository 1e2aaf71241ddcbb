"""What a checkpoint's header says of how it was trained: what it predicts, and to which noise.

Files say it by empty tensors (``v_pred``, ``ztsnr``, as ComfyUI reads them) or by metadata
(``modelspec.prediction_type``, as kohya's tools write it). Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from generator.checkpoints.inspect.header import Header

EPSILON, V_PREDICTION, SAMPLE = "epsilon", "v_prediction", "sample"
PREDICTION_TYPES = (EPSILON, V_PREDICTION, SAMPLE)

MARKS = ("v_pred", "ztsnr")  # tensors that are no weights
_EDM = ("edm_mean", "edm_std", "edm_vpred.sigma_max", "edm_vpred.sigma_min")
_PREDICTION_KEYS = ("modelspec.prediction_type", "prediction_type")
_ZERO_SNR_KEYS = ("modelspec.zero_terminal_snr", "ss_zero_terminal_snr", "zero_terminal_snr")
_SPELLINGS = {
    "eps": EPSILON,
    "epsilon": EPSILON,
    "v": V_PREDICTION,
    "v_pred": V_PREDICTION,
    "vpred": V_PREDICTION,
    "v_prediction": V_PREDICTION,
    "velocity": V_PREDICTION,
    "sample": SAMPLE,
    "x0": SAMPLE,
}
_YES, _NO = ("true", "1", "yes"), ("false", "0", "no")


@dataclass(frozen=True, slots=True)
class ScheduleFacts:
    """None, and an empty text, stand for what a file doesn't say.

    ``unknown`` is a prediction type in the file's own words that nobody here knows.
    """

    prediction_type: str = ""
    zero_snr: bool | None = None
    unknown: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return what it says, as plain JSON values."""
        prediction = self.prediction_type or self.unknown
        stated = {"prediction_type": prediction} if prediction else {}
        return stated | ({} if self.zero_snr is None else {"zero_snr": self.zero_snr})


def schedule_facts(header: Header) -> ScheduleFacts:
    """Return what a file says of its schedule.

    Tensors go before metadata: they were put there for this alone.
    """
    if any(name in header.shapes for name in _EDM):
        return ScheduleFacts(unknown="EDM")
    if "v_pred" in header.shapes:
        zero_snr = "ztsnr" in header.shapes or _zero_snr(header.metadata) is True
        return ScheduleFacts(V_PREDICTION, zero_snr)
    stated = next((header.metadata[key] for key in _PREDICTION_KEYS if key in header.metadata), "")
    known = _SPELLINGS.get(stated.strip().lower().replace("-", "_"), "")
    zero_snr_said = True if "ztsnr" in header.shapes else _zero_snr(header.metadata)
    if not known and _stated(header.metadata, "ss_v_parameterization") is True:
        known = V_PREDICTION
    return ScheduleFacts(known, zero_snr_said, "" if known else stated.strip())


def _zero_snr(metadata: Mapping[str, str]) -> bool | None:
    stated = (_stated(metadata, key) for key in _ZERO_SNR_KEYS)
    return next((one for one in stated if one is not None), None)


def _stated(metadata: Mapping[str, str], key: str) -> bool | None:
    word = metadata.get(key, "").strip().lower()
    return True if word in _YES else False if word in _NO else None
