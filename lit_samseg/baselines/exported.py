"""Networks as one file, their code in it: ``torch.export`` and TorchScript."""

import os
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from lit_samseg.baselines.network_baseline import NetworkBaseline
from lit_samseg.baselines.preparation import Preparation
from lit_samseg.checkpoints.identity import identity_of
from lit_samseg.checkpoints.weights import sha256_of_file
from lit_samseg.errors import InputError

# Parts of an archive of torch.export whose loading runs what is in them: native code, and pickles.
_RUN = ("data/aotinductor/", "data/constants/custom_obj", "data/constants/opaque_obj")


class ExportedBaseline(NetworkBaseline):
    """Asks a network that ``torch.export.save`` (``.pt2``) or ``torch.jit.save`` has written.

    Such a file is a program: load it from who you would run a program from. Pickles in it are never run.

    Args:
        checkpoint: The file.
        num_classes: Number of classes. None takes the data set's.
        prepare: The network's input. A network that was exported for one size needs that as ``size``.

    Raises:
        InputError: There is no such file, or it is none of the two.
    """

    sha256: str

    def __init__(self, checkpoint: str, num_classes: int | None = None, prepare: Preparation = Preparation()) -> None:
        super().__init__()
        path = Path(checkpoint).expanduser()
        kind = _kind(path)
        self.model = _load(path, kind)
        for parameter in self.model.parameters():
            parameter.requires_grad_(False)
        self.name = kind
        self.checkpoint = checkpoint
        self.sha256 = sha256_of_file(path)
        self.num_classes, self.prepare = num_classes, prepare

    @property
    def identity(self) -> str | None:
        """The file and the network's input."""
        return identity_of(self, ExportedBaseline, weights=self.sha256, prepare=asdict(self.prepare))

    @property
    def network(self) -> Callable[[Tensor], object]:
        """The network on its device."""
        return self.model


def _kind(path: Path) -> Literal["exported", "torchscript"]:
    """Tell by its contents what a file is."""
    if not path.is_file():
        raise InputError(f"no such file: {path}; give one that torch.export.save or torch.jit.save has written")
    try:
        with zipfile.ZipFile(path) as archive:
            # All are in one folder, which has the file's first name.
            names = [name.partition("/")[2] for name in archive.namelist()]
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(f"{path} is no archive of torch.export or TorchScript ({error}); export it again") from error
    if "archive_format" in names:
        if running := [name for name in names if name.startswith(_RUN)]:
            raise InputError(f"{path} holds {running[0]}, which loading would run; export the network without it")
        return "exported"
    if "constants.pkl" in names and any(name.startswith("code/") for name in names):
        return "torchscript"
    raise InputError(
        f"{path} is no archive of torch.export or TorchScript; of a pickled network write torch.export.save(...), and "
        "give weights alone to CallableBaseline, with the network's class"
    )


def _load(path: Path, kind: str) -> nn.Module:
    try:
        with warnings.catch_warnings(), _without_pickles():
            # TorchScript is deprecated; files of it are there all the same.
            warnings.simplefilter("ignore", FutureWarning)
            if kind == "torchscript":
                scripted: nn.Module = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
                return scripted.eval()
            network = torch.export.load(str(path)).module()
    except Exception as error:
        # torch prints the rest in bold letters.
        reason = str(error).strip().partition("\n")[0].partition("\x1b")[0]
        raise InputError(f"{path} cannot be loaded ({type(error).__name__}: {reason}); export it again") from error
    # It is in the mode in which it was exported, and refuses to be put into any.
    vars(network)["train"] = _stay(network)
    return network


def _stay(network: nn.Module) -> Callable[..., nn.Module]:
    def train(mode: bool = True) -> Any:
        return network

    return train


@contextmanager
def _without_pickles() -> Iterator[None]:
    """Have ``torch.load`` refuse code: the loader of exported networks does not ask for that."""
    name = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
