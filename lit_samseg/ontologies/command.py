"""``lit-samseg classes``: what a text-prompted segmenter is asked for each class, as a file to edit."""

from collections.abc import Sequence

from lit_samseg.ontologies.phrases import as_yaml, find_phrases, shipped_names, shipped_phrases
from lit_samseg.runtime.shipped_command import ShippedCommand

DESCRIPTION = """\
Print what a segmenter that is prompted by words is asked for each class, or list what there is.

  lit-samseg classes                      the ontologies that are shipped
  lit-samseg classes voc2012 > mine.yaml  one of them, to edit
  lit-samseg classes mine.yaml            check a file of your own
"""

EPILOG = """\
A line for each class: 'aeroplane: [airplane, plane]'. Any of its phrases may find it; no two classes share one. A class
with null is never asked for, and the background never is. No class of the data set may be missing.
"""

_FIRST_CLASSES = 5


def run_classes(words: Sequence[str]) -> None:
    """Run the command.

    Args:
        words: The command line after ``classes``.

    Raises:
        InputError: There is no such ontology, or the file cannot be used.
        SystemExit: The words are wrong, or help was asked for.
    """
    names = f"a shipped one ({', '.join(shipped_names())}) or a YAML file; without it, they are listed"
    ShippedCommand("classes", DESCRIPTION, EPILOG, "NAME|FILE", names, _listing, _text).run(words)


def _text(given: str) -> str:
    return as_yaml(find_phrases(given))


def _listing() -> str:
    """Return a line for each shipped ontology."""
    lines = []
    for name in shipped_names():
        asked = {one: own for one, own in shipped_phrases(name).items() if own is not None}
        count = sum(map(len, asked.values()))
        first = ", ".join(list(asked)[:_FIRST_CLASSES])
        lines.append(f"{name:<12}{len(asked):>4} classes, {count:>4} phrases: {first}, ...\n")
    return "".join(lines)
