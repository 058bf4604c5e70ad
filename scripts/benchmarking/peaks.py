"""What cards can do at best, as their makers publish it."""

import re
from typing import NamedTuple


class Peaks(NamedTuple):
    """Floating-point operations a second, in units of 1e12.

    Attributes:
        fp32: Without tensor cores, since TF32 is off.
        bf16: Of tensor cores that add up in fp32, without sparsity; None where they have no bf16.
    """

    fp32: float
    bf16: float | None


# The whole name as torch gives it; NVIDIA's data sheets and white papers. Sparse figures there are twice these.
_PEAKS = {
    r"NVIDIA B200": Peaks(80, 2250),
    r"NVIDIA H200|NVIDIA GH200 .*": Peaks(66.9, 989.4),
    r"NVIDIA H200 NVL|NVIDIA H100 NVL": Peaks(60, 835.5),
    r"NVIDIA H100 \d+GB HBM\d.*": Peaks(66.9, 989.4),
    r"NVIDIA H100 PCIe": Peaks(51.2, 756.5),
    r"(NVIDIA )?A100.*": Peaks(19.5, 312),
    r"NVIDIA A30": Peaks(10.3, 165),
    r"NVIDIA A40": Peaks(37.4, 149.7),
    r"NVIDIA A10": Peaks(31.2, 125),
    r"NVIDIA RTX A6000": Peaks(38.7, 154.8),
    r"NVIDIA L4": Peaks(30.3, 121),
    r"NVIDIA L40": Peaks(90.5, 181),
    r"NVIDIA L40S": Peaks(91.6, 362),
    r"NVIDIA RTX 6000 Ada Generation": Peaks(91.1, 364.2),
    r"NVIDIA GeForce RTX 3090": Peaks(35.6, 71.2),
    r"NVIDIA GeForce RTX 4090": Peaks(82.6, 165.2),
    r"NVIDIA GeForce RTX 5090": Peaks(104.8, 209.5),
    r"(Tesla )?V100.*": Peaks(15.7, None),
    r"Tesla T4": Peaks(8.1, None),
}


def peaks_of(card: str | None) -> Peaks | None:
    """Return a card's peaks by its name; None for one that is not known, and for no card."""
    return next((peaks for name, peaks in _PEAKS.items() if re.fullmatch(name, card or "")), None)


def share_of_peak(card: str | None, precision: str, flops_per_second: float) -> float | None:
    """Return the share of a card's peak in a precision that was reached; None where it is not known."""
    peaks = peaks_of(card)
    peak = None if peaks is None else {"fp32": peaks.fp32, "bf16": peaks.bf16}.get(precision)
    return None if peak is None else flops_per_second / (peak * 1e12)
