"""What trains one small network of its own, and nothing of the baseline or of SAM."""

from abc import abstractmethod
from typing import Any, ClassVar

from lightning import LightningModule
from torch import nn

from lit_samseg.errors import InputError
from lit_samseg.finetune.validated import ValidatedModule


class OneNetwork(ValidatedModule):
    """A training whose outcome is one small network, which is all that a checkpoint has.

    Attributes:
        outcome: What it is called in messages.
    """

    outcome: ClassVar[str]

    @property
    @abstractmethod
    def fitted(self) -> nn.Module:
        """The network."""

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """The network's."""
        return {name: tensor.detach() for name, tensor in self.fitted.state_dict().items()}

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        """Take the network.

        Raises:
            InputError: The checkpoint is of something else.
        """
        own = self.fitted.state_dict()
        if own.keys() != state_dict.keys() or any(own[name].shape != state_dict[name].shape for name in own):
            raise InputError(f"the checkpoint is of another model, or of other classes; fit the {self.outcome} again")
        self.fitted.load_state_dict(state_dict)
        return LightningModule.load_state_dict(self, {}, strict=False)
