"""What ``test --help`` and ``predict --help`` say: our own options in groups. Plain text, to be there at once."""

import textwrap
from typing import NamedTuple

_WIDTH = 118
_LEFT = 41

PAPER_ROWS = "point, points, box, points+box, points+box+mask"
"""The rows of a test without any."""


class Option(NamedTuple):
    """An option as help shows it.

    Attributes:
        word: The option with its dashes.
        value: What it takes.
        what: What it does.
        default: As a configuration has it; None where there is none, or it means "not at all".
        commands: The commands that have it.
    """

    word: str
    value: str
    what: str
    default: str | None = None
    commands: tuple[str, ...] = ("test", "predict")


_TEST, _PREDICT = ("test",), ("predict",)

GROUPS: dict[str, tuple[Option, ...]] = {
    "data": (
        Option("--data", "NAME", "the data set: voc2012, ade20k, folder, ... (--data.help lists them)"),
        Option("--data.root", "DIR", "where the data set is", "data"),
        Option("--data.split", "NAME", "which part of it", "val"),
        Option("--data.subset", "N", "N images drawn at random; without it, all"),
        Option("--data.subset_seed", "N", "seed of that draw", "0"),
        Option("--data.ids", "FILE", "exactly these images, one id a line"),
        Option("--data.images", "DIR", "pictures of your own in the place of the data set's", None, _PREDICT),
        Option("--data.on_error", "raise|skip", "at an image that cannot be read: end, or leave it out", "raise"),
        Option("--data.exif", "upright|ignore", "turn photographs as their EXIF data say, or not", "upright"),
        Option("--data.batch_size", "N", "images at a time; without it, 1, or what a GPU holds"),
        Option("--data.num_workers", "N", "processes that read images; without it, chosen"),
    ),
    "model": (
        Option("--model.baseline", "NAME|PATH", "the segmenter: a hub id, a checkpoint, a folder of label maps"),
        Option("--model.sam", "NAME|PATH", "the SAM: mobile_sam, vit_h, a checkpoint, a hub id"),
        Option("--model.sam.precision", "fp32|bf16|fp16", "arithmetic of SAM", "fp32"),
        Option("--model.variants", "'[ROW, ...]'", "rows beside the baseline (docs/recipes.md)", PAPER_ROWS, _TEST),
        Option("--model.variants", "'[ROW, ...]'", "which rows to write (docs/recipes.md)", "auto", _PREDICT),
        Option("--model.analysis", "true|false", "where each row's difference comes from", "true", _TEST),
        Option("--model.metrics", "'[NAME, ...]'", "metrics of your own or of a package", None, _TEST),
        Option("--model.save_predictions", "true|false", "keep every row's label maps", "false", _TEST),
        Option("--model.save_scores", "true|false", "keep the baseline's class scores", "false"),
        Option("--model.save_scores_dtype", "fp32|fp16", "how exactly", "fp16"),
        Option("--model.cache_dir", "DIR", "keep embeddings and label maps for further runs"),
        Option("--model.cache_dtype", "fp32|fp16", "how exactly", "fp32"),
        Option("--model.cache_max_gb", "X", "size of that folder in GB", "20.0"),
        Option("--model.gate", "FILE", "gate.json of fit, for rows with 'learned'"),
        Option("--model.memory", "FILE", "memory.safetensors of fit, for rows with 'memory'"),
        Option("--model.concepts", "NAME|PATH", "a segmenter that is prompted by words (docs/words_as_prompts.md)"),
        Option("--model.ontology", "NAME|FILE", "what it is asked for each class (lit-samseg classes)"),
        Option("--model.candidates", "N", "classes of an image that it is asked about at most"),
        Option("--model.text", "FILE", "text.safetensors of fit: what its answers are worth"),
    ),
    "run": (
        Option("--output_dir", "DIR", "where files go; without it, logs/CONFIGURATION/UTC_TIME"),
        Option("--resume", "true|false", "go on with the unfinished run in --output_dir", "false"),
        Option("--overwrite", "true|false", "replace the run in --output_dir", "false"),
        Option("--shard", "K/N", "only the K-th of N shares of the images; needs --resume true"),
        Option("--gallery", "true|false", "keep pictures for the report, 60 kB an image", "true", _TEST),
        Option("--report", "true|false", "make report.html at the end", "true", _TEST),
        Option("--seed_everything", "N", "seed of random numbers", "0"),
        Option("--trainer.accelerator", "auto|cpu|gpu", "what computes", "auto"),
        Option("--trainer.devices", "N", "how many processes share the images", "auto"),
        Option("--trainer.logger", "CLASS", "a logger of Lightning's for the scores", "false", _TEST),
    ),
}
"""The options by group; each command has those that name it."""

_WHAT = {
    "test": "Score a baseline alone and with each row of SAM against the ground truth.",
    "predict": "Write refined label maps, and overlays, of images without ground truth.",
}
_EXAMPLES = {
    "test": "lit-samseg test --config voc_deeplab_mobilesam --data.root DIR --data.subset 50 --output_dir out",
    "predict": "lit-samseg predict --config voc_deeplab_mobilesam --data.images DIR --output_dir out",
}

HELP_ALL = "--help-all"
"""Asks for the help that lists Lightning's options too."""

_ORDER = """\
Defaults are in brackets. A configuration goes before them; a later one, and options after it, go before that."""

_CONFIG = Option("--config", "NAME|FILE", "a configuration: a shipped one (lit-samseg configs) or a YAML file")

_MORE = [
    Option("--print_config", "", "print the whole configuration, and do nothing else"),
    Option("--data.help", "[NAME]", "the data sets, or the options of one"),
    Option("--model.help", "[NAME]", "the same of --model, --model.sam, --model.baseline, --model.concepts"),
    Option(HELP_ALL, "", "all options, those of Lightning's trainer among them"),
]

COMMANDS_WITH_HELP = tuple(_WHAT)
"""The commands with such a help."""


def command_help(command: str) -> str:
    """Return the help of a command.

    Args:
        command: One of `COMMANDS_WITH_HELP`.
    """
    groups = {group: [one for one in own if command in one.commands] for group, own in GROUPS.items()} | {"more": _MORE}
    return (
        f"usage: lit-samseg {command} --config NAME|FILE [--OPTION VALUE ...]\n\n{_WHAT[command]}\n\n"
        f"  {_EXAMPLES[command]}\n\n{_ORDER}\n\n{_lines(_CONFIG)}"
        + "".join(f"\n{group}:\n{''.join(map(_lines, own))}" for group, own in groups.items())
    )


def _lines(option: Option) -> str:
    left = f"  {option.word} {option.value}".rstrip()
    text = option.what + (f" [{option.default}]" if option.default is not None else "")
    # What is long on the left keeps two blanks.
    first, *further = textwrap.wrap(text, _WIDTH - max(_LEFT, len(left) + 2))
    return "".join([f"{left:<{_LEFT - 2}}  {first}\n", *(f"{'':<{_LEFT}}{line}\n" for line in further)])
