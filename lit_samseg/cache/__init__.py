"""What frozen networks gave for an image, kept on disk: other variants need neither encoder nor baseline again."""

from lit_samseg.cache.baseline import CachedBaseline
from lit_samseg.cache.concepts import CachedConcepts, cache_concepts, cache_use
from lit_samseg.cache.key import key_of
from lit_samseg.cache.networks import cache_networks, is_known
from lit_samseg.cache.segmenter import CachedSegmenter, StoredType
from lit_samseg.cache.store import TensorStore

__all__ = [
    "CachedBaseline",
    "CachedConcepts",
    "CachedSegmenter",
    "StoredType",
    "TensorStore",
    "cache_concepts",
    "cache_networks",
    "cache_use",
    "is_known",
    "key_of",
]
