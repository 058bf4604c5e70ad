"""What SAM was asked, taken down as it is asked: a row's words say how a prompt is made, not where it lies."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lit_samseg.refine.decision import Decision
from lit_samseg.refine.variant import Variant
from lit_samseg.sam.interface import Prompt

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Asked:
    """One prompt, as far as it can be drawn; places are in the image's pixels.

    Attributes:
        class_id: Of the region.
        box: x_min, y_min, x_max, y_max, corners inclusive; None where there is none.
        points: Foreground points, (x, y) each.
        negative: Points of the background.
        mask: The word of its mask prompt, such as ``margin``; empty where it has none.
    """

    class_id: int
    box: tuple[float, ...] | None = None
    points: Points = ()
    negative: Points = ()
    mask: str = ""

    @classmethod
    def of(cls, class_id: int, prompt: Prompt, mask_word: str = "mask") -> "Asked":
        """Take down a prompt, and by which word its mask was asked for, if it has one.

        Its places are on the CPU, so that no GPU is waited for.
        """
        points, negative = (
            () if places is None else tuple((x, y) for x, y in places.tolist())
            for places in (prompt.points, prompt.negative_points)
        )
        has_mask = prompt.mask is not None or prompt.mask_logits is not None
        box = None if prompt.box is None else tuple(prompt.box.tolist())
        return cls(class_id, box, points, negative, (mask_word or "mask") if has_mask else "")


class AskedPrompts:
    """Takes down what every row asks of SAM for one image.

    Args:
        variants: The rows.

    Attributes:
        rows: Prompts by row, in the order in which they were answered; of a row with several rounds those of the first.
    """

    def __init__(self, variants: Sequence[Variant]) -> None:
        masks = {v.name: [p.word or p.path for p in v.prompt if p.slot == "mask"] for v in variants}
        self._mask_words = {name: "".join(words) for name, words in masks.items()}
        self.rows: dict[str, list[Asked]] = {variant.name: [] for variant in variants if variant.prompt}

    def observers(self) -> dict[str, Callable[[Decision], None]]:
        """Return what `refine_by_all` calls."""
        return {name: self._observer(asked, self._mask_words[name]) for name, asked in self.rows.items()}

    @staticmethod
    def _observer(asked: list[Asked], mask_word: str) -> Callable[[Decision], None]:
        def observe(decision: Decision) -> None:
            prompt = decision.prompt if decision.first_prompt is None else decision.first_prompt
            asked.append(Asked.of(decision.region.class_id, prompt, mask_word))

        return observe


def all_of(
    one: Mapping[str, Callable[[Decision], None]], other: Mapping[str, Callable[[Decision], None]]
) -> dict[str, Callable[[Decision], None]]:
    """Return observers that call both."""

    def both(name: str) -> Callable[[Decision], None]:
        def observe(decision: Decision) -> None:
            one[name](decision)
            other[name](decision)

        return observe

    return {**one, **other, **{name: both(name) for name in one.keys() & other.keys()}}
