"""What ``test --help``, ``predict --help`` and ``fit --help`` say. Plain text, to be there at once."""

import textwrap

from lit_samseg.cli.command_options import GROUPS, Option

_WIDTH = 118
_LEFT = 41

TRAINED = {
    "SamRefinerFinetune": "SAM's mask decoder learns to correct this baseline",
    "SegmenterFinetune": "the baseline itself is trained further",
    "GateFinetune": "a gate learns when a mask of SAM's is better than its region",
    "MemoryFinetune": "a small network learns classes from SAM's features",
    "HeadFinetune": "a light convolutional head learns them, from more of the image",
    "TextCalibration": "the answers of a text-prompted segmenter are calibrated",
}
"""What ``fit`` trains, by class."""

_WHAT = {
    "test": "Score a baseline alone, and with each row of SAM, against the ground truth.",
    "predict": "Write refined label maps, and overlays, of images without ground truth.",
    "fit": "Train on a data set's training images, and validate by the gain over the baseline (docs/finetuning.md).",
}
_EXAMPLES = {
    "test": "lit-samseg test --config voc_deeplab_mobilesam --data.root DIR --data.subset 50 --output_dir out",
    "predict": "lit-samseg predict --config voc_deeplab_mobilesam --data.images DIR --output_dir out",
    "fit": "lit-samseg fit --config voc_finetune_decoder --data.root DIR --output_dir out",
}

HELP_ALL = "--help-all"
"""Asks for the help that lists Lightning's options too."""

_ORDER = """\
Defaults are in brackets. A configuration overrides them, a later configuration overrides an earlier one, and options
after a configuration override it."""

_CONFIG = Option("--config", "NAME|FILE", "a configuration: a shipped one (lit-samseg configs) or a YAML file")

_MORE = [
    Option("--print_config", "", "print the whole configuration, and do nothing else"),
    Option("--data.help", "[NAME]", "list the data sets, or the options of one"),
    Option("--model.help", "[NAME]", "the same for --model; also --model.sam, --model.baseline, --model.concepts"),
    Option(HELP_ALL, "", "list all options, including those of Lightning's trainer"),
]

COMMANDS_WITH_HELP = tuple(_WHAT)
"""The commands with such a help."""


def command_help(command: str) -> str:
    """Return the help of a command.

    Args:
        command: One of `COMMANDS_WITH_HELP`.
    """
    groups = {group: [one for one in own if command in one.commands] for group, own in GROUPS.items()} | {"more": _MORE}
    classes = "".join(_line(f"  {name}", what) for name, what in TRAINED.items())
    return (
        f"usage: lit-samseg {command} --config NAME|FILE [--OPTION VALUE ...]\n\n{_WHAT[command]}\n\n"
        f"  {_EXAMPLES[command]}\n\n{_ORDER}\n\n{_lines(_CONFIG)}"
        + "".join(f"\n{group}:\n{''.join(map(_lines, own))}" for group, own in groups.items() if own)
        + (
            f"\nclasses for --model (lit-samseg fit --model.help CLASS lists its options):\n{classes}"
            * (command == "fit")
        )
    )


def _lines(option: Option) -> str:
    text = option.what + (f" [{option.default}]" if option.default is not None else "")
    return _line(f"  {option.word} {option.value}".rstrip(), text)


def _line(left: str, text: str) -> str:
    # What is long on the left keeps two blanks.
    first, *further = textwrap.wrap(text, _WIDTH - max(_LEFT, len(left) + 2))
    return "".join([f"{left:<{_LEFT - 2}}  {first}\n", *(f"{'':<{_LEFT}}{line}\n" for line in further)])
