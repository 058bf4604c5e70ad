"""Which networks look an image up before they compute: those that can be known again."""

import logging
import math
from pathlib import Path
from typing import get_args

from lit_samseg.baselines.interface import Baseline
from lit_samseg.cache.baseline import CachedBaseline
from lit_samseg.cache.segmenter import CachedSegmenter, StoredType
from lit_samseg.cache.store import TensorStore
from lit_samseg.concepts.interface import ConceptSegmenter
from lit_samseg.errors import InputError
from lit_samseg.runtime.code_digest import code_digest
from lit_samseg.sam.interface import PromptableSegmenter

logger = logging.getLogger(__name__)


def cache_networks(
    baseline: Baseline, sam: PromptableSegmenter, folder: str, stored_type: StoredType = "fp32", max_gb: float = 20.0
) -> tuple[Baseline, PromptableSegmenter]:
    """Put a cache before both networks; one of unknown `identity`, or without source files, is returned as it is.

    Args:
        baseline: The semantic segmenter.
        sam: The promptable segmenter.
        folder: Where entries are kept.
        stored_type: How embeddings are kept.
        max_gb: Size of all entries, in units of 1e9 bytes.

    Raises:
        InputError: An option cannot be used, or the folder not be written.
    """
    store = make_store(folder, stored_type, max_gb)
    return (
        CachedBaseline(baseline, store) if is_known(baseline) else baseline,
        CachedSegmenter(sam, store, stored_type) if is_known(sam) else sam,
    )


def make_store(folder: str, stored_type: str, max_gb: float) -> TensorStore:
    """Open a cache's folder.

    Raises:
        InputError: An option cannot be used, or the folder not be written.
    """
    if stored_type not in get_args(StoredType):
        raise InputError(f"cache_dtype is {stored_type!r}; it is {' or '.join(get_args(StoredType))}")
    if not (max_gb > 0 and math.isfinite(max_gb)):
        raise InputError(f"cache_max_gb is {max_gb}; give a number above 0")
    return TensorStore(Path(folder).expanduser(), int(max_gb * 1e9))


def is_known(network: Baseline | PromptableSegmenter | ConceptSegmenter) -> bool:
    """Tell whether a network that is made again can be known to be the same: its `identity`, and its code."""
    if network.identity is None:
        return False
    if code_digest(map(type, network.modules())) is None:
        logger.warning(
            "%s.%s has no source file, so nobody can tell whether it changed: nothing of it is kept in the cache",
            *(type(network).__module__, type(network).__qualname__),
        )
        return False
    return True
