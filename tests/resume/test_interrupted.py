"""An interrupted command says how to go on, and goes on; all other ways to end are in ``tests/writing``."""

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lit_samseg.journal import Journal
from lit_samseg.writing import pictures
from tests.conftest import RunCli
from tests.recomputation import results_of
from tests.resume.comparing import assert_same
from tests.resume.conftest import Interrupt


def test_ctrl_c_says_how_to_go_on(
    interrupt: Interrupt, run_cli: RunCli, words: list[str], whole: Path, tmp_path: Path
) -> None:
    outcome = interrupt(3)
    assert outcome.code == 130
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"journal", "gallery.partial", "predictions.partial"}
    told = re.search(r"3 of 4 images are done and kept; go on by the same command with (.*)\n", outcome.err)
    assert told is not None
    outcome = run_cli(*words[:-1], *shlex.split(told[1]))
    assert outcome.code == 0, outcome.err
    assert "3 of 4 images are done already" in outcome.err
    assert_same(whole, tmp_path / "run")
    results = results_of(tmp_path / "run")
    assert results["resumed"] == 3
    assert [process["images"] for process in results["processes"]] == [1]


# The quicker one is `test_a_predict_goes_on` in tests/writing/test_resume.py.
@pytest.mark.slow
def test_predict(interrupt: Interrupt, run_cli: RunCli, words: list[str], tmp_path: Path) -> None:
    words = ["predict", *(word for word in words[1:] if word.partition("=")[0] not in ("--gallery", "--report"))]
    undisturbed = tmp_path / "undisturbed"
    assert run_cli(*words, f"--output_dir={undisturbed}").code == 0
    with pytest.MonkeyPatch.context() as patch:
        draw = pictures.draw_overlay
        drawn: list[int] = []

        def fail(*arguments: Any) -> Any:
            drawn.append(1)
            # Three rows an image.
            if len(drawn) > 6:
                raise OSError(28, "No space left on device")
            return draw(*arguments)

        patch.setattr(pictures, "draw_overlay", fail)
        assert run_cli(*words).code == 2
    done = len(Journal(tmp_path / "run").records())
    assert 1 <= done <= 2
    outcome = run_cli(*words, "--resume=true")
    assert outcome.code == 0, outcome.err
    assert f"{done} of 4 images are done already" in outcome.err
    theirs, ours = ({str(path.relative_to(f)) for path in f.rglob("*")} for f in (undisturbed, tmp_path / "run"))
    assert ours == theirs
    for name in (name for name in ours if name.endswith((".png", ".jpg"))):
        assert np.array_equal(np.array(Image.open(undisturbed / name)), np.array(Image.open(tmp_path / "run" / name)))
