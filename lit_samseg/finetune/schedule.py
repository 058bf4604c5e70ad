"""How a learning rate changes from step to step."""

import math

WARM_UP = 0.05
"""Part of the steps in which the rate rises."""
LEAST = 0.02
"""What is left of the rate in the end, as a part of it."""


def warm_up_and_decay(step: int, steps: float) -> float:
    """Return the rate's part after so many steps: linear to 1, then a cosine down to `LEAST`.

    Args:
        step: Steps done.
        steps: All of them; infinite where nobody knows: then the rate stays.
    """
    if not math.isfinite(steps):
        return 1.0
    rising = max(1.0, WARM_UP * steps)
    if step < rising:
        return (step + 1) / (rising + 1)
    done = min(1.0, (step - rising) / max(1.0, steps - rising))
    return LEAST + (1 - LEAST) * 0.5 * (1 + math.cos(math.pi * done))


def poly(step: int, steps: float, power: float = 0.9) -> float:
    """Return DeepLab's part of the rate, ``(1 - step / steps) ** power`` (Chen et al., 2018); 1 where nobody knows."""
    return max(0.0, 1 - step / steps) ** power if math.isfinite(steps) else 1.0
