#!/usr/bin/env python
"""Write ``docs/cli.md``: every command with its options, from the parsers that read the command line.

Usage: python scripts/write_cli.py
"""

import argparse
import html
import inspect
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

from lit_samseg import finetune
from lit_samseg.cli.command_help import COMMANDS_WITH_HELP, HELP_ALL, command_help
from lit_samseg.cli.command_options import GROUPS, Option
from lit_samseg.cli.description import COMMANDS
from lit_samseg.commands import run_report

PAGE = Path(__file__).parent.parent / "docs/cli.md"

HEAD = """\
# Command line

Made of the parsers themselves by `python scripts/write_cli.py`. `lit-samseg COMMAND --help` prints the same.
`python -m lit_samseg` is `lit-samseg`.

| command | what it does |
| --- | --- |
"""

EXIT_CODES = """
| exit code | means |
| --- | --- |
| 0 | done |
| 2 | something that you can mend, said in one line |
| 130 | ended by Ctrl-C |
| 143 | ended by SIGTERM |
| 1 | a defect, with a traceback |
"""

FIT = """\

`fit` trains one of these classes ([finetuning.md](finetuning.md)). `lit-samseg fit --model.help CLASS` lists the
options of one.

"""


class _Found(Exception):  # noqa: N818 (no error: it carries the parser)
    """A command's parser, taken where it would read the words."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser


def _stop(parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
    raise _Found(parser)


def parser_of(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser by which a command reads its words."""
    with (
        patch.object(argparse.ArgumentParser, "parse_args", _stop),
        patch.object(argparse.ArgumentParser, "parse_known_args", _stop),
    ):
        try:
            run_report(words)
        except _Found as found:
            return found.parser
    raise SystemExit(f"lit-samseg {' '.join(words)} read no words")


def make_page() -> str:
    """Return the page, Markdown."""
    parts = [HEAD + "".join(f"| [`{name}`](#{name}) | {what} |\n" for name, what in COMMANDS.items()) + EXIT_CODES]
    for name, what in COMMANDS.items():
        parts.append(f"\n## {name}\n\n{what[:1].upper()}{what[1:]}.\n\n")
        if name in COMMANDS_WITH_HELP:
            parts += _with_groups(name)
        else:
            parts += _with_parser(parser_of([name]))
        if name == "fit":
            parts.append(FIT + "".join(_trained()))
        if name == "search":
            parts.append("\n### search --study\n\n")
            parts += _with_parser(parser_of([name, "--study"]))
    return "".join(parts)


def _with_groups(command: str) -> Iterator[str]:
    """Yield what is said of a command with Lightning's options."""
    usage, _, rest = command_help(command).partition("\n")
    example = next(line for line in rest.splitlines() if line.startswith("  lit-samseg "))
    yield f"```text\n{usage.removeprefix('usage: ')}\n{example.strip()}\n```\n"
    for group, options in GROUPS.items():
        own = [one for one in options if command in one.commands]
        if own:
            yield f"\n### {command}: {group}\n\n"
            yield from map(_option, own)
    yield "\nA configuration overrides these defaults, and options override a configuration. "
    yield f"`{HELP_ALL}` lists all options, those of Lightning's trainer too.\n"


def _option(option: Option) -> str:
    default = "" if option.default is None else f" Default: `{option.default}`."
    return f"- `{f'{option.word} {option.value}'.strip()}`: {_escaped(option.what)}.{default}\n"


def _with_parser(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield what is said of a command that has a parser of its own."""
    if parser.description is not None and "\n" in parser.description:
        yield f"```text\n{parser.description.strip()}\n```\n\n"
    formatter = argparse.HelpFormatter(parser.prog)
    for action in parser._actions:
        if action.help == argparse.SUPPRESS or isinstance(action, argparse._HelpAction):
            continue
        needed = " Required." if action.required and action.option_strings else ""
        told = formatter._expand_help(action) if action.help else ""
        yield f"- `{_typed(action)}`{': ' if told else ''}{_escaped(told)}{'.' if told else ''}{needed}\n"
    if parser.epilog:
        yield f"\n```text\n{parser.epilog.strip()}\n```\n"


def _typed(action: argparse.Action) -> str:
    """Return an option as it is typed."""
    choices = "|".join(map(str, action.choices)) if action.choices is not None else None
    metavar = action.metavar if isinstance(action.metavar, str) else choices or action.dest.upper()
    value = {0: "", None: metavar, "?": f"[{metavar}]"}.get(action.nargs, f"{metavar} ...")
    return f"{', '.join(action.option_strings)} {value}".strip()


def _trained() -> Iterator[str]:
    for name in finetune.__all__:
        first = (inspect.getdoc(getattr(finetune, name)) or "").partition("\n")[0]
        yield f"- `{name}`: {first}\n"


def _escaped(text: str) -> str:
    """Return plain text as Markdown that shows it."""
    shown = html.escape(" ".join(text.split()), quote=False).replace("*", r"\*").replace("[", r"\[")
    return re.sub(r"docs/(\w+\.md)", r"[\g<0>](\1)", shown)


def main() -> None:
    """Write the page."""
    PAGE.write_text(make_page(), encoding="utf-8")
    print(f"Written to {PAGE}")


if __name__ == "__main__":
    main()
