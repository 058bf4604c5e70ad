"""The configuration of a search: that of ``test``, without what the search itself decides."""

import contextlib
import importlib
import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from lit_samseg.cli.command_line import run
from lit_samseg.cli.config_files import check_config_files
from lit_samseg.cli.data_names import with_data_class
from lit_samseg.cli.lightning_cli import SamSegCLI
from lit_samseg.cli.network_names import with_classes
from lit_samseg.configurations import find_configurations
from lit_samseg.errors import InputError

DECIDED = {
    "--data.ids": "the images are those of --tune and --report",
    "--model.variants": "the rows are those of --space",
    "--resume": "the same command again goes on",
    "--print_config": "the output folder's config.yaml is it",
}
"""Options of ``test`` that would say what a search says by itself."""

# No trial's figures depend on these but for a GPU's rounding, or the search says them itself.
_FREE = {
    "model": ("variants", "analysis", "save_predictions", "save_scores", "cache_dir", "cache_max_gb"),
    "data": ("ids", "batch_size", "num_workers", "on_error"),
}


@dataclass(frozen=True)
class Configuration:
    """Words for ``test``, and what they mean.

    Attributes:
        words: As given, for every run of the search.
        text: The whole configuration as YAML.
        values: The same, parsed.
    """

    words: Sequence[str]
    text: str
    values: Mapping[str, Any]

    @classmethod
    def of_words(cls, words: Sequence[str]) -> "Configuration":
        """Parse words as ``test`` does; nothing is made of them yet.

        Raises:
            InputError: A file is no configuration, or an option has no place in a search.
            SystemExit: A word is wrong.
        """
        for word in words:
            option = word.partition("=")[0]
            if option in DECIDED:
                raise InputError(f"search does not take {option}: {DECIDED[option]}; leave it out")
        words = with_data_class(with_classes(find_configurations(words)))
        check_config_files(words)
        text = _printed(words)
        configuration = cls(words, text, yaml.safe_load(text))
        configuration._check()
        return configuration

    def with_winner(self, name: str) -> str:
        """Return the whole configuration with one row."""
        return _printed([*self.words, f"--model.variants=[{name}]"])

    def decisive(self) -> dict[str, Any]:
        """Return what the trials' figures depend on, the images aside."""
        kept = {key: self.values[key] for key in ("model", "data", "seed_everything")}
        for part, free in _FREE.items():
            options = {key: value for key, value in kept[part]["init_args"].items() if key not in free}
            kept[part] = kept[part] | {"init_args": options}
        return kept | {"accelerator": self.values["trainer"]["accelerator"]}

    @property
    def cache_dir(self) -> str | None:
        """Where the configuration itself keeps embeddings."""
        folder = self.values["model"]["init_args"].get("cache_dir")
        return None if folder is None else str(folder)

    @property
    def has_features(self) -> bool:
        """Whether this SAM gives features, as its class says; it is not made for that."""
        return gives_features(str(self.values["model"]["init_args"]["sam"]["class_path"]))

    def _check(self) -> None:
        if self.values["data"]["init_args"].get("subset") is not None:
            raise InputError(f"search does not take data.subset: {DECIDED['--data.ids']}; leave it out")
        trainer = self.values["trainer"]
        devices = trainer["devices"]
        one = devices in ("auto", 1, "1") or (isinstance(devices, list) and len(devices) == 1)
        if not one or trainer["num_nodes"] != 1:
            raise InputError(f"search runs in one process; trainer.devices is {devices}, give 1 or a list of one")

    def test(self, *words: str) -> SamSegCLI:
        """Run ``test`` with further words, which override the configuration's, and return what was run."""
        own = ["--trainer.devices=1"] if self.values["trainer"]["devices"] == "auto" else []
        return _run(["test", *self.words, *own, *words])


def gives_features(class_path: str) -> bool:
    """Tell whether a class of SAM gives features; by its name alone it is one of this package's.

    Raises:
        InputError: There is no such class.
    """
    module, _, name = class_path.rpartition(".")
    try:
        return bool(
            getattr(getattr(importlib.import_module(module or "lit_samseg.sam"), name), "has_pixel_features", False)
        )
    except (ImportError, AttributeError) as error:
        raise InputError(f"there is no SAM {class_path} ({error}); give a class_path as in configs/") from error


def _run(words: Sequence[str]) -> SamSegCLI:
    with warnings.catch_warnings():
        # LightningCLI takes words of its own for a mistake while the program has some too.
        warnings.filterwarnings("ignore", ".*LightningCLI's args parameter.*")
        return run(list(words))


def _printed(words: Sequence[str]) -> str:
    text = io.StringIO()
    try:
        with contextlib.redirect_stdout(text):
            _run(["test", *words, "--print_config"])
    except SystemExit as stop:
        if stop.code:
            raise
    return text.getvalue()
