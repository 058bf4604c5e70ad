"""A mistaken option ends with one line that names it, and what may have been meant."""

import pytest

from lit_samseg.cli.option_errors import in_one_line
from tests.conftest import PROJECT, RunCli

DEMO = ("--config", PROJECT / "configs/demo.yaml")
TRAINING = ("--config", PROJECT / "configs/demo_finetune.yaml")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "give a command: test, predict, refine, fit, search, "),
        (("--config", DEMO[1], "test"), f"--config follows the command; write: lit-samseg test --config {DEMO[1]}"),
        (
            ("--data.size=1", "test", "-c", DEMO[1]),
            "--data.size follows the command; write: lit-samseg test --data.size=1",
        ),
        (("--row", "box", "figure", "RUN", "3"), "--row follows the command; write: lit-samseg figure --row box RUN 3"),
        (
            ("--config", DEMO[1]),
            "no command; write lit-samseg COMMAND --config ..., where COMMAND is test, predict, refine, fit, ",
        ),
        (("fitt",), "no command 'fitt'; did you mean fit? (see lit-samseg --help)"),
        (("test",), "the following arguments are required: test.data, test.model (see lit-samseg test --help)"),
        (("test", *DEMO, "--modle.x", 1), "unrecognized arguments: --modle.x 1 (see lit-samseg test --help)"),
        (("test", "--config", "no.yaml"), "--config: no.yaml is not there, and no configuration of that name is"),
        (("test", *DEMO, "--gallery", "perhaps"), "--gallery: expected bool, not perhaps "),
        (("test", *DEMO, "--trainer.max_epochs", "x"), "--trainer.max_epochs: expected int, not x "),
        (("test", *DEMO, "--data.subset", "x"), "--data.subset: expected int, not x "),
        (("test", *DEMO, "--data", "VOC2013"), "--data: no such class: VOC2013; did you mean voc2012? "),
        (
            ("test", *DEMO, "--model.sam", "mobilesam"),
            "--model.sam: no such class: mobilesam; did you mean mobile_sam? ",
        ),
        (
            ("test", *DEMO, "--model.sam", "xyz"),
            "--model.sam: no such class: xyz; give a class, a checkpoint's path or hub id, or one of vit_h, ",
        ),
        (("test", *DEMO, "--model.variants", "box"), "--model.variants: expected list, not box "),
        (
            ("test", *DEMO, "--model.sam.precision", "fp8"),
            "--model.sam.precision: expected one of 'fp32', 'bf16', 'fp16', ",
        ),
        (
            ("test", *DEMO, "--model.sam", "lit_samseg.sam.Nothing"),
            "--model.sam: module 'lit_samseg.sam' has no attribute",
        ),
        (
            ("test", *DEMO, "--model.baseline.chekpoint", "x"),
            "--model.baseline: Option 'chekpoint' is not accepted by MobileNetV2DeepLab; did you mean checkpoint? ",
        ),
        (
            ("fit", *TRAINING, "--model.avrage", 0.9),
            "--model: Option 'avrage' is not accepted by SamRefinerFinetune; did you mean average? (see ",
        ),
        (
            ("test", *DEMO, "--model.baseline.xyz", 1),
            "--model.baseline: Option 'xyz' is not accepted by MobileNetV2DeepLab; it has checkpoint (see ",
        ),
    ],
)
def test_a_mistaken_option_is_named_in_one_line(run_cli: RunCli, words: tuple[object, ...], complaint: str) -> None:
    outcome = run_cli(*words)
    assert outcome.code == 2
    assert outcome.err.startswith(f"lit-samseg: error: {complaint}")
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("of another\n  layout", "of another layout"),
        ('Parser key "a":\n  Subtypes: []', "--a: Subtypes: []"),
        (
            "Parser key \"model\":\n  - Problem with given class_path 'gone.Class':\n    Option 'x' is not accepted",
            "--model: Option 'x' is not accepted",
        ),
    ],
)
def test_what_is_not_known_is_left_as_it_is(message: str, line: str) -> None:
    assert in_one_line(message) == line
