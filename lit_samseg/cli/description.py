"""The commands, and what ``lit-samseg --help`` says; plain text, so that it is there at once."""

COMMANDS = {
    "test": "score a baseline alone, and with each row of SAM, against the ground truth",
    "predict": "write refined label maps of pictures without ground truth",
    "refine": "refine a folder of masks, and write them in the form they came in",
    "fit": "train SAM, the baseline, a gate, a memory, or a calibration",
    "search": "try rows on some images (or pairs of a study), and report the best on others",
    "study": "test many pairs of a data set and a baseline, and pool what each row gains",
    "export": "write a SAM as ONNX graphs, for other programs and as --model.sam",
    "analyse": "compute a finished run's tables again, without a network",
    "compare": "compare finished runs over the same images",
    "report": "write report.html of finished runs, or study.html of a study",
    "configs": "list the shipped configurations, or print one to edit",
    "classes": "print the phrases that a text-prompted segmenter is asked for each class, to edit",
    "figure": "draw a figure of a finished run for print: PDF, SVG, or PNG and TIFF at 300 dpi",
}

WITHOUT_NETWORKS = ("analyse", "classes", "compare", "configs", "report")
"""Commands that only read files: a finished run's, an ontology's, a configuration's."""

WITHOUT_LIGHTNING = (*WITHOUT_NETWORKS, "export", "figure", "refine", "search", "study")
"""Commands with words of their own; the others have Lightning's."""

DESCRIPTION = """\
Can a promptable segmentation model such as SAM improve semantic segmentation?
"""

_EXAMPLES = """\
examples:
  lit-samseg test --config demo                                the built-in world, in less than a minute
  lit-samseg refine PICTURES MASKS --out DIR                   your own masks, refined
  lit-samseg test --config voc_deeplab_mobilesam --data.root DIR
                                                               Pascal VOC 2012; networks are downloaded once
  lit-samseg test --config folder_precomputed_mobilesam --data.images DIR --data.masks DIR \\
      --data.num_classes N --model.baseline.root DIR           your own images, ground truth and label maps
  lit-samseg predict --config voc_deeplab_mobilesam --data.images DIR
                                                               refined label maps of your own pictures
  lit-samseg fit --config voc_finetune_decoder --data.root DIR SAM's decoder learns to correct a baseline
  lit-samseg study study_demo --output_dir DIR                 one answer over many data sets and baselines
  lit-samseg figure RUN 4                                      a figure of a finished run

options that test, predict and fit share:
  --config NAME|FILE   --data NAME   --data.root DIR   --data.subset N   --model.baseline NAME|PATH
  --model.sam NAME|PATH   --model.variants '[ROW, ...]'   --output_dir DIR   --trainer.accelerator cpu|gpu

more help:
  lit-samseg COMMAND --help                                    a command's options
  lit-samseg test --help-all                                   all options, including Lightning's
  lit-samseg test --data.help [NAME]                           data sets, or the options of one
  lit-samseg test --model.sam.help [NAME]                      likewise --model.baseline.help, --model.concepts.help
  lit-samseg fit --model.help [NAME]                           what can be trained
"""


def help_text() -> str:
    """Return what ``lit-samseg --help`` prints."""
    commands = "".join(f"  {name:<10}{what}\n" for name, what in COMMANDS.items())
    return (
        f"usage: lit-samseg COMMAND ...\n\n{DESCRIPTION}\ncommands:\n{commands}\n{_EXAMPLES}\n"
        "options:\n  -h, --help  show this text\n  --version   show the version\n"
    )
