"""Options laid over options, as a later ``--config`` is laid over an earlier one."""

from collections.abc import Mapping
from typing import Any


def lay_over(below: Any, above: Any) -> Any:
    """Return options with others laid over them: mappings are joined key by key, everything else is replaced.

    A class that is replaced by another loses its options, which the other need not have.

    Args:
        below: What YAML holds.
        above: The same.
    """
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return above
    if "class_path" in below and "class_path" in above and _class_of(below) != _class_of(above):
        return dict(above)
    joined = {key: lay_over(value, above[key]) if key in above else value for key, value in below.items()}
    return joined | {key: value for key, value in above.items() if key not in below}


def _class_of(options: Mapping[str, Any]) -> str:
    # A class may be given by its name alone.
    return str(options["class_path"]).rpartition(".")[2]
