"""What a segmenter's ``config.json`` says: the network to build, its classes, and whether they fit the options."""

from pathlib import Path
from typing import Any, NamedTuple

from lit_samseg.checkpoints.pretrained import using_config
from lit_samseg.errors import InputError


class Configuration(NamedTuple):
    """A checkpoint's configuration.

    Attributes:
        config: transformers' ``PreTrainedConfig``.
        class_names: By class id from the first class on; None where nobody gave names.
        num_classes: Number of classes from the first class on.
    """

    config: Any
    class_names: tuple[str, ...] | None
    num_classes: int


def read_configuration(folder: Path, settings: dict[str, Any], first_class: int) -> Configuration:
    """Build the configuration of a checkpoint.

    Args:
        folder: Its folder, for messages.
        settings: What its ``config.json`` holds.
        first_class: Class id that the baseline calls 0.

    Raises:
        InputError: transformers cannot use a value, ``first_class`` is no class, or a library is missing.
    """
    from transformers import CONFIG_MAPPING

    path = folder / "config.json"
    with using_config(folder):
        config = CONFIG_MAPPING[settings["model_type"]].from_dict(settings)
        names = tuple(str(config.id2label[i]) for i in range(config.num_labels))
    if not 0 <= first_class < len(names):
        raise InputError(
            f"baseline.first_class is {first_class}, {path} has classes 0 to {len(names) - 1}; "
            "give 1 to leave out a background, else 0"
        )
    _check_natten(config, path)
    # transformers writes LABEL_0, LABEL_1, ... where nobody gave names.
    named = any(name != f"LABEL_{i}" for i, name in enumerate(names))
    return Configuration(config, names[first_class:] if named else None, len(names) - first_class)


def _check_natten(config: Any, path: Path) -> None:
    """Say that DiNAT backbones need a library, before transformers says it in words that name no file."""
    if getattr(getattr(config, "backbone_config", None), "model_type", None) != "dinat":
        return
    try:
        # What transformers uses; newer releases of natten no longer have it.
        from natten.functional import natten2dqkrpb  # type: ignore[import-not-found]  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"{path} has a DiNAT backbone, which needs the library natten in a release that has natten2dqkrpb "
            f"({error}); install one that fits your torch, or give a checkpoint with a Swin backbone"
        ) from error
