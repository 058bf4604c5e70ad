"""What SAM answered to the prompts of an image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lit_samseg.sam.interface import Candidates, Prompt


@dataclass(frozen=True)
class Answers:
    """Prompts of one image with what SAM answered.

    Attributes:
        prompts: The prompts.
        found: By a prompt's place, the candidates among which its own are, and their place there.
    """

    prompts: Sequence[Prompt]
    found: Mapping[int, tuple[Candidates, int]]

    @property
    def calls(self) -> list[Candidates]:
        """All candidates, once each."""
        return list({id(candidates): candidates for candidates, _ in self.found.values()}.values())
