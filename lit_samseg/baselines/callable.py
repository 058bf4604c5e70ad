"""Any network or function that can be imported is a baseline."""

import inspect
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from torch import Tensor, nn

from lit_samseg.baselines.network_baseline import NetworkBaseline
from lit_samseg.baselines.preparation import Preparation
from lit_samseg.checkpoints.identity import identity_of, sha256_of_state
from lit_samseg.checkpoints.weights import freeze, load_strictly, read_state_dict
from lit_samseg.errors import InputError
from lit_samseg.runtime.code_digest import code_digest


class CallableBaseline(NetworkBaseline):
    """Asks a network or a function by its path: an image float32 ``[1, 3, h, w]`` in, class logits out.

    A class of networks is made, and so is what a function gives that needs no argument, as torchvision's
    ``torchvision.models.segmentation:lraspp_mobilenet_v3_large`` does. Networks are put in evaluation mode. What
    answers may be of any size: `NetworkBaseline`.

    Args:
        function: ``package.module:name``, where Python finds it (``PYTHONPATH``).
        arguments: What the class or function is called with to make the network.
        weights: A state-dict file for the network, read as data; None where its code sees to that.
        num_classes: Number of classes. None takes the data set's.
        prepare: The network's input.

    Raises:
        InputError: There is no such name, it cannot be made, or the weights do not fit.
    """

    def __init__(
        self,
        function: str,
        arguments: dict[str, Any] | None = None,
        weights: str | None = None,
        num_classes: int | None = None,
        prepare: Preparation = Preparation(),
    ) -> None:
        super().__init__()
        self.function, self.arguments = function, arguments or {}
        made = _made(_found(function), self.arguments, function)
        self.name = function.rpartition(":")[2]
        self.checkpoint = weights or function
        self.num_classes, self.prepare = num_classes, prepare
        self._code = code_digest((), [function.partition(":")[0]])
        self._ask: Callable[[Tensor], object] | None = None
        if isinstance(made, nn.Module):
            self.model = made
            if weights is not None:
                path = Path(weights).expanduser()
                load_strictly(made, read_state_dict(path), path, function)
            freeze(self)
            self.sha256 = sha256_of_state(made)
        elif weights is not None:
            raise InputError(f"{function} is a function, which takes no weights; leave out model.baseline.weights")
        else:
            self._ask = made
            # Of a function its code is all that can be seen; a run that goes on compares it.
            self.sha256 = self._code

    @property
    def identity(self) -> str | None:
        """Code, weights and options of a network; None for a function, which may depend on anything."""
        if self._ask is not None or self._code is None:
            return None
        return identity_of(
            self,
            CallableBaseline,
            function=self.function,
            code=self._code,
            arguments=json.dumps(self.arguments, sort_keys=True, default=repr),
            weights=self.sha256,
            prepare=asdict(self.prepare),
        )

    @property
    def network(self) -> Callable[[Tensor], object]:
        """The function, or the network on its device."""
        return self._ask if self._ask is not None else self.model


def _found(path: str) -> object:
    module, colon, name = path.partition(":")
    if not (module and colon and name):
        raise InputError(f"model.baseline.function is {path!r}; write package.module:name")
    try:
        return resolve_name(path)
    except Exception as error:
        # Whatever the code of others raises when it is imported.
        raise InputError(
            f"baseline {path} cannot be imported ({type(error).__name__}: {error}); put its folder into PYTHONPATH"
        ) from error


def _made(target: object, arguments: dict[str, Any], path: str) -> Callable[[Tensor], object]:
    """Return the network or function that is asked about images."""
    if not isinstance(target, nn.Module) and callable(target) and (arguments or _makes(target)):
        try:
            target = target(**arguments)
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            raise InputError(
                f"baseline {path} cannot be made ({type(error).__name__}: {reason}); see model.baseline.arguments"
            ) from error
    if not callable(target):
        raise InputError(f"baseline {path} is {type(target).__name__}; it must be a network, or a function of an image")
    return target


def _makes(target: Callable[..., object]) -> bool:
    """Tell a class, or a function that makes networks, from one that is asked about images."""
    if isinstance(target, type):
        return True
    try:
        parameters = inspect.signature(target).parameters.values()
    except ValueError:
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return not any(p.kind in positional and p.default is inspect.Parameter.empty for p in parameters)
