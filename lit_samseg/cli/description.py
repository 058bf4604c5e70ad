"""The commands, and what ``lit-samseg --help`` says; plain text, so that it is there at once."""

COMMANDS = {
    "test": "score a baseline alone and with each variant of SAM",
    "predict": "write label maps of pictures without ground truth",
    "refine": "make a folder of masks better, in whatever form they are",
    "fit": "train SAM's decoder, or a baseline",
    "search": "try recipes on some images, or pairs of a study, and report the best on others",
    "study": "ask many pairs of a data set and a baseline, and pool what each row gains",
    "export": "write a SAM as ONNX graphs, for other programs and as --model.sam",
    "analyse": "compute a finished run's tables again from its counts and regions",
    "compare": "compare finished runs over the same images",
    "report": "make report.html of finished runs, or study.html of a study: answer, tables, plots in one page",
    "configs": "print a configuration that is shipped, to edit, or list them",
    "classes": "print what a segmenter that is prompted by words is asked for each class, to edit",
    "figure": "draw a finished run's figure for print: PDF, SVG, or PNG and TIFF at 300 dpi",
}

WITHOUT_NETWORKS = ("analyse", "classes", "compare", "configs", "report")
"""Commands that only read files: a finished run's, an ontology's, a configuration's."""

WITHOUT_LIGHTNING = (*WITHOUT_NETWORKS, "export", "figure", "refine", "search", "study")
"""Commands with words of their own; the others have Lightning's."""

DESCRIPTION = """\
Can a promptable segmentation model such as SAM improve semantic segmentation?

  lit-samseg test --config demo                                   the built-in world, under a minute
  lit-samseg test --config voc_deeplab_mobilesam \\
      --data.root DIR --model.baseline.checkpoint DIR --model.sam.checkpoint FILE
  lit-samseg predict --config voc_deeplab_mobilesam --data.images DIR --output_dir DIR
                                                                  label maps of your own pictures
  lit-samseg refine PICTURES MASKS --out DIR                      masks of your own made better, in the form they have
  lit-samseg fit --config voc_finetune_decoder --data.root DIR ... --output_dir DIR
                                                                  SAM's decoder learns to mend this baseline
  lit-samseg search --config FILE --tune IDS --report IDS --output_dir DIR
                                                                  recipes tried on some images, the best on others
  lit-samseg export --sam mobile_sam --onnx DIR                   SAM as ONNX graphs, for other programs

  lit-samseg study study_demo --output_dir DIR
                                                                  one answer over many data sets and baselines

  lit-samseg classes voc2012 > mine.yaml                          what is asked for each class, in words, to edit

what is made of finished runs:
  lit-samseg analyse RUN              its tables again, without a model
  lit-samseg compare RUN RUN ...      runs over the same images against each other
  lit-samseg report RUN ...           report.html again, all pictures in it or beside it
  lit-samseg figure RUN NAME          a figure for print: 1, 3 or 4 of the paper, forest, trimap, ladder, classes

options one changes most:
  --data.root DIR   --data.split val   --data.subset N   --data.ids FILE   --data.num_workers N
  --model.baseline.checkpoint PATH_OR_HUB_ID   --model.sam.checkpoint PATH
  --model.sam.precision fp32|bf16|fp16   --model.variants '[box, points+box@component]'
  --model.save_predictions true   --output_dir DIR   --trainer.accelerator cpu|gpu
  --model.cache_dir DIR   --model.analysis false   --gallery false   --report false   --data.on_error skip
  --resume true --output_dir DIR                                 go on with a run that was interrupted
  --model.sam.adapter FILE                                       what fit wrote
  fit: --trainer.max_epochs N   --model.lr X   --optimizer CLASS   --ckpt_path DIR/checkpoints/last.ckpt to go on

all options of a class:
  lit-samseg test --data.help voc2012                             without a name: which data sets there are
  lit-samseg test --model.help SamSegEvaluation                   --model.sam.help, --model.baseline.help likewise
  lit-samseg fit --model.help SamRefinerFinetune
  lit-samseg test --help-all                                      all options, Lightning's too
"""


def help_text() -> str:
    """Return what ``lit-samseg --help`` prints."""
    commands = "".join(f"  {name:<10}{what}\n" for name, what in COMMANDS.items())
    return (
        f"usage: lit-samseg COMMAND ...\n\n{DESCRIPTION}\ncommands, each with a --help of its own:\n{commands}\n"
        "options:\n  -h, --help  show this text\n  --version   show the version\n"
    )
