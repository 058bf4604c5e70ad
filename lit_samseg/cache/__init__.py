"""What frozen networks gave for an image, kept on disk: other variants need neither encoder nor baseline again."""

from lit_samseg.cache.key import key_of
from lit_samseg.cache.networks import CachedBaseline, CachedSegmenter, StoredType, cache_networks, cache_use, is_known
from lit_samseg.cache.store import TensorStore

__all__ = [
    "CachedBaseline",
    "CachedSegmenter",
    "StoredType",
    "TensorStore",
    "cache_networks",
    "cache_use",
    "is_known",
    "key_of",
]
