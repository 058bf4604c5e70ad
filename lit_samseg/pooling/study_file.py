"""A finished study's file."""

import json
from pathlib import Path

from lit_samseg.errors import InputError
from lit_samseg.pooling.contents import StudyResults
from lit_samseg.runtime.atomic import atomic_file

STUDY = "study.json"
STUDY_VERSION = 1


def write_study(folder: Path, results: StudyResults) -> None:
    """Write ``study.json``."""
    with atomic_file(folder / STUDY) as draft:
        draft.write_text(json.dumps(results, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")


def is_study(folder: Path) -> bool:
    """Tell whether a folder is that of a finished study."""
    return (folder / STUDY).is_file()


def read_study(folder: Path) -> StudyResults:
    """Read what `write_study` wrote.

    Raises:
        InputError: There is none, or one of a later release.
    """
    path = folder / STUDY
    try:
        results: StudyResults = json.loads(path.read_text(encoding="utf-8"))
        version, _ = results["schema_version"], results["rows"]
    except OSError as error:
        raise InputError(f"no such study: {path} cannot be read; give the output folder of a finished study") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not the study.json of a study; give its output folder") from error
    if version > STUDY_VERSION:
        raise InputError(f"{path} has schema_version {version}, this release reads up to {STUDY_VERSION}; update it")
    return results
