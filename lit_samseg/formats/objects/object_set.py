"""What formats of objects have in common: objects are painted into a label map by a rule that is said."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from typing_extensions import override

from lit_samseg.formats.interface import Classes, LabelMap, MaskSet
from lit_samseg.formats.listing import counted, in_words
from lit_samseg.formats.objects.painting import Outlined, paint
from lit_samseg.void import VOID


class ObjectSet(MaskSet):
    """The masks of a set of pictures as objects.

    Args:
        classes: What labels mean.
        found: What was found out when files were opened, for `understood`.

    Attributes:
        rule: Which of the objects that claim a pixel has it, in words.
    """

    rule: ClassVar[str] = "the smaller one has them"

    def __init__(self, classes: Classes, found: Sequence[str]) -> None:
        self.classes, self._found = classes, found
        self.class_of: Mapping[int, int] = {number: index for index, number in enumerate(classes.values)}
        if classes.void is not None:
            self.class_of = {**self.class_of, classes.void: VOID}
        self._covered: dict[str, int] = {}
        self._hidden: dict[str, list[str]] = {}

    @abstractmethod
    def outlined(self, key: str, height: int, width: int) -> list[Outlined]:
        """Return a picture's objects; see `read`."""

    def named(self, key: str, number: int) -> str:
        """Return an object's name for messages."""
        return f"object {number} of {key}"

    @override
    def read(self, key: str, height: int, width: int) -> LabelMap:
        painted = paint(self.outlined(key, height, width), (height, width), self.classes.background)
        self._covered[key] = painted.covered
        self._hidden[key] = [self.named(key, number) for number in painted.hidden]
        return painted.masks

    def why_void(self) -> str:
        """Say that no object covers such pixels, or one that is void."""
        if self.classes.background is None:
            return "no object covers it, and --masks.background is none"
        return "see that the category that is void is meant to be (--masks.void)"

    def understood(self) -> list[str]:
        """Say what was found out, and of the pictures read so far where objects lie over others."""
        background = self.classes.background
        rest = "void" if background is None else f"the class {self.classes.names[background]!r}"
        lines = [*self._found, f"pixels of no object are {rest}"]
        covered = [number for number in self._covered.values() if number]
        if covered:
            lines.append(
                f"{sum(covered)} pixels of {counted(len(covered), 'picture')} are claimed by several objects: "
                f"{self.rule}"
            )
        hidden = [name for names in self._hidden.values() for name in names]
        if hidden:
            lines.append(
                f"{counted(len(hidden), 'object')} without a pixel of its own stays as it is: {in_words(hidden)}"
            )
        return lines
