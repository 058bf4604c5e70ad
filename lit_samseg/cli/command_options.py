"""The options that ``test --help``, ``predict --help`` and ``fit --help`` show, in groups; plain text."""

from typing import NamedTuple

PAPER_ROWS = "point, points, box, points+box, points+box+mask"
"""The rows of a test that names none."""

_TEST, _PREDICT, _FIT = ("test",), ("predict",), ("fit",)
_EVALUATE = ("test", "predict")
_ALL = ("test", "predict", "fit")


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
    commands: tuple[str, ...] = _EVALUATE


GROUPS: dict[str, tuple[Option, ...]] = {
    "data": (
        Option("--data", "NAME", "the data set: voc, ade, camvid, folder, ... (--data.help lists them)", None, _ALL),
        Option("--data.root", "DIR", "its folder", "data", _ALL),
        Option("--data.split", "NAME", "which part of it to use", "val", _EVALUATE),
        Option("--data.split", "NAME", "which part of it to validate on", "val", _FIT),
        Option("--data.subset", "N", "only N images, drawn at random", None, _ALL),
        Option("--data.subset_seed", "N", "seed of that draw", "0"),
        Option("--data.ids", "FILE", "exactly these images, one id a line", None, _ALL),
        Option("--data.images", "DIR", "your own pictures in place of the data set's", None, _PREDICT),
        Option("--data.on_error", "raise|skip", "stop at an image that cannot be read, or skip it", "raise"),
        Option("--data.exif", "upright|ignore", "turn photographs upright as EXIF says, or do not", "upright"),
        Option("--data.batch_size", "N", "images at a time (without it: 1, or what a GPU holds)"),
        Option("--data.num_workers", "N", "processes that read images (without it: chosen for you)", None, _ALL),
    ),
    "model": (
        Option("--model", "CLASS", "what to train (see below)", None, _FIT),
        Option(
            "--model.baseline", "NAME|PATH", "the segmenter: a hub id, a checkpoint, a folder of label maps", None, _ALL
        ),
        Option("--model.sam", "NAME|PATH", "the SAM: mobile_sam, vit_h, a checkpoint, a hub id", None, _ALL),
        Option("--model.sam.precision", "fp32|bf16|fp16", "SAM's arithmetic", "fp32", _ALL),
        Option("--model.variants", "'[ROW, ...]'", "rows beside the baseline (docs/variants.md)", PAPER_ROWS, _TEST),
        Option("--model.variants", "'[ROW, ...]'", "which rows to write (docs/variants.md)", "auto", _PREDICT),
        Option("--model.variants", "'[ROW, ...]'", "rows to train for and to validate (docs/variants.md)", None, _FIT),
        Option("--model.analysis", "true|false", "say where each row's difference comes from", "true", _TEST),
        Option("--model.metrics", "'[NAME, ...]'", "more metrics, your own or a package's", None, _TEST),
        Option("--model.save_predictions", "true|false", "keep every row's label maps", "false", _TEST),
        Option("--model.save_scores", "true|false", "keep the baseline's class scores", "false"),
        Option("--model.save_scores_dtype", "fp32|fp16", "precision of those", "fp16"),
        Option("--model.cache_dir", "DIR", "keep embeddings and label maps here for later runs"),
        Option("--model.cache_dir", "DIR", "keep what frozen networks compute here for later runs", None, _FIT),
        Option("--model.cache_dtype", "fp32|fp16", "precision of those", "fp32"),
        Option("--model.cache_max_gb", "X", "most GB in that folder", "20.0", _ALL),
        Option("--model.gate", "FILE", "gate.json from fit, for rows with 'learned'"),
        Option("--model.memory", "FILE", "memory.safetensors from fit, for rows with 'memory'"),
        Option("--model.concepts", "NAME|PATH", "a text-prompted segmenter (docs/words_as_prompts.md)", None, _ALL),
        Option(
            "--model.ontology", "NAME|FILE", "the phrases it is asked for each class (lit-samseg classes)", None, _ALL
        ),
        Option("--model.candidates", "N", "ask it about N classes of an image at most"),
        Option("--model.text", "FILE", "text.safetensors from fit, which calibrates its answers"),
    ),
    "training": (
        Option("--data.training.split", "NAME", "which part of the data set to train on", "train", _FIT),
        Option("--data.training.subset", "N", "only N of its images, drawn at random", None, _FIT),
        Option("--data.training.ids", "FILE", "train on exactly these images, one id a line", None, _FIT),
        Option("--data.training.batch_size", "N", "images of a step", "4", _FIT),
        Option(
            "--data.training.views", "N", "views of an image, one an epoch in turn; the first is the image", "4", _FIT
        ),
        Option(
            "--model.trained", "'[PART, ...]'", "parts of SAM to train (SamRefinerFinetune)", "[mask_decoder]", _FIT
        ),
        Option("--model.lora.rank", "N", "train small matrices in place of weights (LoRA); try 8", "0", _FIT),
        Option(
            "--model.lora.parts",
            "'[PART, ...]'",
            "parts that have them: mask_decoder, image_encoder",
            "[]",
            _FIT,
        ),
        Option("--model.merged", "true|false", "write what LoRA learnt as whole weights", "false", _FIT),
        Option("--model.lr", "X", "learning rate; SegmenterFinetune's is 1e-5", "1e-4", _FIT),
        Option("--model.average", "X", "validate and write a moving average of the weights; try 0.98", "0.0", _FIT),
        Option("--model.prompts", "N", "prompts of an image and step (memory: 150 MB each)", "4", _FIT),
        Option("--optimizer", "CLASS", "an optimiser of PyTorch's in place of the model's own", None, _FIT),
        Option("--lr_scheduler", "CLASS", "a schedule of PyTorch's in place of the model's own", None, _FIT),
        Option("--trainer.max_epochs", "N", "when to stop; configurations set it", None, _FIT),
        Option(
            "--trainer.accumulate_grad_batches", "N", "batches of a step: less memory, the same training", "1", _FIT
        ),
        Option("--ckpt_path", "FILE", "go on from OUT/checkpoints/last.ckpt", None, _FIT),
    ),
    "run": (
        Option("--output_dir", "DIR", "where files go (without it: logs/CONFIGURATION/UTC_TIME)", None, _ALL),
        Option("--resume", "true|false", "go on with the unfinished run in --output_dir", "false"),
        Option("--overwrite", "true|false", "replace the run in --output_dir", "false", _ALL),
        Option("--shard", "K/N", "only the K-th of N shares of the images; needs --resume true"),
        Option("--gallery", "true|false", "keep pictures for the report, 60 kB an image", "true", _TEST),
        Option("--report", "true|false", "write report.html at the end", "true", _TEST),
        Option("--seed_everything", "N", "seed of random numbers", "0", _ALL),
        Option("--trainer.accelerator", "auto|cpu|gpu", "what to compute on", "auto", _ALL),
        Option("--trainer.devices", "N", "how many processes share the images", "auto", _ALL),
        Option("--trainer.logger", "CLASS", "one of Lightning's loggers, for the scores", "false", ("test", "fit")),
    ),
}
"""The options by group; each command has those that name it."""
