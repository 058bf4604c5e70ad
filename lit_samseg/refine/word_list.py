"""The words of rows, as documentation shows them: made of the parts themselves."""

import dataclasses

from lit_samseg.refine.kinds import KINDS, SLOTS, PromptPart
from lit_samseg.refine.map_kinds import Evidence
from lit_samseg.refine.part import PARTS, Part

_TITLES = {
    "prompt": "recipe: a sum of",
    "regions": "regions",
    "select": "selection: of SAM's candidates, what is kept",
    "belief": "belief: changes to the evidence, before regions are found",
    "compose": "fill, or scores instead of painting",
    "gate": "gate",
    "field": "random field, after that",
    "judge": "judge: has the last word",
    "start": "in place of the baseline's label map",
    "rounds": "SAM more than once",
}


def own_words() -> list[tuple[str, type[Part]]]:
    """Return this package's words and their classes, by kind; prompts by the part of a prompt that they make."""
    parts = [(word, PARTS.find(word)) for word in PARTS.own]
    own = [(word, kind) for word, kind in parts if kind.__module__.startswith("lit_samseg.")]
    return sorted(own, key=lambda pair: _place(pair[1]))


def short_table() -> str:
    """Return the table of ``docs/variants.md``, Markdown: a line a kind, with what each word means."""
    lines = ["| part | words |", "| --- | --- |"]
    for kind in KINDS:
        words = [f"`{word}`: {_lowered(found.help())}" for word, found in own_words() if issubclass(found, kind)]
        if words:
            lines.append(f"| {_TITLES[kind.kind]} | {'; '.join(words)} |")
    return "\n".join(lines) + "\n"


def long_list() -> str:
    """Return ``docs/words.md``: every word with its options, their units, ranges and sources."""
    text = [
        "# Words of rows",
        "",
        "Made of the parts themselves by `python scripts/write_words.py`. A number behind a word (`fuse=0.3`) is its "
        "main option, set in bold; all options are set in a row with a name "
        "(`{mine: {row: box@fuse, fuse: {surest: 8}}}`, [docs/extend.md](extend.md)).",
        "",
        "| word | what it is | options |",
        "| --- | --- | --- |",
    ]
    for word, found in own_words():
        slot = f" ({found.slot})" if issubclass(found, PromptPart) else ""
        options = "<br>".join(_described(found, field) for field in dataclasses.fields(found) if field.metadata)
        text.append(f"| `{word}` | {found.kind}{slot}: {_lowered(found.help())} | {options} |")
    return "\n".join(text) + "\n"


def _place(found: type[Part]) -> tuple[int, int]:
    kind = next(n for n, kind in enumerate(KINDS) if issubclass(found, kind))
    return kind, SLOTS.index(found.slot) if issubclass(found, PromptPart) else issubclass(found, Evidence)


def _described(found: type[Part], field: "dataclasses.Field[object]") -> str:
    name = f"**{field.name}**" if field.name == found.main else field.name
    least, most, source = (field.metadata[key] for key in ("least", "most", "source"))
    bounds = [f"from {least:g}"] if least is not None else []
    bounds += [f"to {most:g}"] if most is not None else []
    more = "; ".join([*([" ".join(bounds)] if bounds else []), *([source] if source else [])])
    return f"{name} = {field.default}: {field.metadata['what']}{f' ({more})' if more else ''}"


def _lowered(text: str) -> str:
    return text if text.startswith(("SAM", "DeepLab")) else text[:1].lower() + text[1:]
