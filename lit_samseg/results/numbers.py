"""Numbers as files hold them."""

import math


def finite(value: float) -> float | None:
    """Return a plain float, or None for nan and infinity, which JSON does not know."""
    return float(value) if math.isfinite(value) else None
