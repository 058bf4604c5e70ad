"""What a row is called where its scores are logged live."""

_LOGGED = str.maketrans("+@/=", "_..-")


def scalar_name(row: str) -> str:
    """Return a row's name as every logger takes it unchanged: ``box+mask@class/score`` is ``box_mask.class.score``.

    Lightning drops ``+`` and ``@`` for MLflow and warns of each name. ``/`` ends the name of a group in TensorBoard and
    W&B, and is left for what follows: ``box_mask.class.score/miou``.

    No two rows share a name, since no word of a variant has ``_``, ``.`` or ``-`` in it: what is before the first ``.``
    is the recipe with ``_`` for ``+``, each ``.`` after that was a ``/``, each ``-`` was a ``=``.

    Args:
        row: ``baseline`` or a variant's name.
    """
    return row.translate(_LOGGED)
