"""A prompt: a box with room around the region."""

from dataclasses import dataclass

from lit_samseg.refine import ImageContext, PromptPart, Region, option, part
from lit_samseg.sam import Prompt


@part("halo")
@dataclass(frozen=True)
class Halo(PromptPart):
    """A box with room around the region."""

    slot, drawn = "box", "a box with room around it"
    room: float = option(8.0, "pixels between region and box", least=0)

    def ask(self, region: Region, context: ImageContext) -> Prompt:
        return Prompt(box=region.box + region.box.new_tensor([-1, -1, 1, 1]) * self.room)
