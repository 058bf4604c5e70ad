"""What a convolutional memory sees of training images: computed once, kept for later epochs."""

import torch
from torch import Tensor

from lit_samseg.cache import TensorStore, key_of
from lit_samseg.refine.seen_planes import SeenPlanes, places_of, see_planes
from lit_samseg.runtime.code_digest import code_digest
from lit_samseg.sam import PromptableSegmenter


class KeptPlanes:
    """Keeps `SeenPlanes` of images, features in half precision and the picture in bytes.

    What was just computed is rounded likewise, so that a training does not depend on what it finds. An image of 4 x 3
    takes 5 MB with MobileSAM.

    Args:
        sam: Encodes images.
        store: Keeps the planes.
    """

    def __init__(self, sam: PromptableSegmenter, store: TensorStore) -> None:
        self._sam, self._store = sam, store
        self._code = str(code_digest(map(type, sam.modules())))

    @torch.no_grad()
    def __call__(self, image: Tensor) -> SeenPlanes:
        """Look an image ``[3, H, W]`` up, or compute and keep what is seen of it."""
        sam, frame = self._sam, self._sam.frame(image)
        facts = {"network": sam.identity, "features": sam.features_sha256, "precision": sam.precision}
        key = key_of("planes", image, self._code, frame=repr(frame), **facts)
        kept = self._store.get(key)
        if kept is None:
            (embedding,) = sam.encode([image])
            planes = see_planes(image, frame, embedding.features, sam.pixel_features(embedding))
            kept = {
                "embedding": planes.embedding.half(),
                "features": planes.features.half(),
                "picture": (255 * planes.picture).round().byte(),
                "step": torch.tensor(planes.step),
            }
            self._store.put(key, kept)
        own = {name: kept[name].to(image.device).float() for name in ("embedding", "features", "picture")}
        step = float(kept["step"])
        return SeenPlanes(own["embedding"], own["features"], own["picture"] / 255, places_of(own["embedding"]), step)
