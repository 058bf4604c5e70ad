"""A study by the program's own server of processes, in which pictures are read by processes as well."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.study.conftest import Studied, Write
from tests.study.test_study import assert_same_numbers


# The quicker ones are those of `test_study`, whose pairs run in forks of the tests; CI runs `configs/study_demo.yaml`.
@pytest.mark.slow
def test_a_fresh_study_has_the_numbers_of_a_forked_one(studied: Studied, study_file: Write, tmp_path: Path) -> None:
    pair = {"name": "val x DeepLab", "data": {"init_args": {"split": "val", "num_workers": 1}}}
    words = ["study", study_file(pairs=[pair]), "--output_dir", tmp_path / "study"]
    done = subprocess.run(
        [sys.executable, "-m", "lit_samseg", *map(str, words)],
        cwd=PROJECT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert_same_numbers(tmp_path / "study/pairs/val_x_DeepLab", studied.folder / "pairs/val_x_DeepLab")
