"""What a row is called where its scores are logged live."""

import re

_LOGGED = str.maketrans("+@/=", "_..-")


def scalar_name(row: str) -> str:
    """Return a row's name as every logger takes it unchanged: ``box+mask@class/score`` is ``box_mask.class.score``.

    Lightning drops ``+`` and ``@`` for MLflow and warns of each name. ``/`` ends the name of a group in TensorBoard and
    W&B, and is left for what follows: ``box_mask.class.score/miou``.

    What is before the first ``.`` is the recipe with ``_`` for ``+``, each ``-`` was a ``=``. No two rows of a run
    share a name, since rows whose names differ in signs only are refused.

    Args:
        row: ``baseline`` or a variant's name.
    """
    return re.sub(r"[^\w.-]", "_", row.translate(_LOGGED))
