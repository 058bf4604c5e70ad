"""The inside of a worker process: read a job, run it, write its result."""

import json
import logging
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from lit_samseg.errors import InputError

from .job import Job

# By name, so that a worker loads no more than its job needs.
FUNCTIONS = {
    "ours": ("ours", "run_ours"),
    "plain": ("peer", "run_plain"),
    "machine": ("machine", "describe_machine"),
    "encoder": ("encoder", "run_ours"),
    "official encoder": ("encoder", "run_official"),
    "random sam": ("encoder", "write_random_sam"),
    "boundary": ("boundary", "run_boundary"),
    "words": ("words", "run_words"),
}


def run_worker(asked: Path, answered: Path) -> None:
    """Run the job of one file and write its result as JSON to the other."""
    job = Job.from_json(asked.read_text(encoding="utf-8"))
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    module, name = FUNCTIONS[job.kind]
    function: Callable[[Job], dict[str, Any]] = getattr(import_module(f".{module}", __package__), name)
    try:
        result = function(job)
    except InputError as error:
        sys.exit(str(error))
    answered.write_text(json.dumps(result), encoding="utf-8")
