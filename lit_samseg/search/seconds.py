"""What a row costs by itself, beyond the two networks that every row shares."""

import time
from collections.abc import Sequence

import torch
from torch import Tensor

from lit_samseg.baselines import Baseline
from lit_samseg.data import Sample, SegmentationDataModule
from lit_samseg.module import SamSegEvaluation
from lit_samseg.sam import Embedding, PromptableSegmenter
from lit_samseg.sam.frame import Frame
from lit_samseg.sam.interface import Candidates, Prompt

TIMED_IMAGES = 8
REPEATS = 2


class _RememberedBaseline(Baseline):
    """Answers for one image without computing."""

    def __init__(self, baseline: Baseline, sample: Sample) -> None:
        super().__init__()
        self.checkpoint = baseline.checkpoint
        self._answer = baseline.predict(sample.image, sample.id)

    def label_map(self, image: Tensor, image_id: str) -> Tensor:
        return self._answer[0]

    def predict(self, image: Tensor, image_id: str) -> tuple[Tensor, Tensor | None]:
        return self._answer


class _RememberedEncoder(PromptableSegmenter):
    """Decodes as the segmenter does; the one image is encoded already."""

    def __init__(self, segmenter: PromptableSegmenter, sample: Sample) -> None:
        super().__init__()
        # Not as a submodule of two modules.
        self._segmenter = [segmenter]
        self.checkpoint, self.precision = segmenter.checkpoint, segmenter.precision
        self.has_pixel_features = segmenter.has_pixel_features
        self._embeddings = segmenter.encode([sample.image])

    def frame(self, image: Tensor) -> Frame:
        return self._segmenter[0].frame(image)

    def encode(self, images: Sequence[Tensor]) -> list[Embedding]:
        return self._embeddings

    def decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool = True) -> Candidates:
        return self._segmenter[0].decode(embedding, prompts, multimask)

    def pixel_features(self, embedding: Embedding) -> Tensor | None:
        return self._segmenter[0].pixel_features(embedding)


@torch.inference_mode()
def seconds_by_row(
    module: SamSegEvaluation, data: SegmentationDataModule, ids: Sequence[str], device: torch.device
) -> dict[str, float]:
    """Time every variant of a model alone.

    What is timed is all from the baseline's scores and SAM's embedding, which are there already, to the row's label
    map: regions, prompts, SAM's decoder, choosing, merging or adding up, random field. Nothing is shared with other
    rows, as it is in a run, so this is what the row would cost if it were used. Reading, both networks' image encoders,
    counting and writing are left out, since they are the same for all rows.

    Args:
        module: After its run; its variants are timed, and it is as before in the end.
        data: Where images are read from.
        ids: The images that were evaluated; up to ``TIMED_IMAGES`` of them, evenly spaced, are timed.
        device: Where the run was.

    Returns:
        Wall seconds per image by name: the mean over the images of the fastest of ``REPEATS``, after one more on the
        first image that is not counted.
    """
    chosen = [ids[n * len(ids) // TIMED_IMAGES] for n in range(TIMED_IMAGES)] if len(ids) > TIMED_IMAGES else list(ids)
    baseline, sam, variants = module.baseline, module.sam, module.variants
    module.to(device).eval()
    seconds = {variant.name: 0.0 for variant in variants}
    try:
        for place, image_id in enumerate(chosen):
            sample = data.read(image_id, with_target=False)
            sample.image = sample.image.to(device)
            module.baseline = _RememberedBaseline(baseline, sample)
            module.sam = _RememberedEncoder(sam, sample)
            taken: dict[str, list[float]] = {variant.name: [] for variant in variants}
            # All rows, then all again: what else this machine does for a moment shall not hit a row's every timing.
            for again in range(REPEATS):
                for variant in variants:
                    module.variants = [variant]
                    if place == again == 0:
                        _time(module, sample, device)
                    taken[variant.name].append(_time(module, sample, device))
            for name, times in taken.items():
                seconds[name] += min(times) / len(chosen)
    finally:
        module.baseline, module.sam, module.variants = baseline, sam, variants
    return seconds


def _time(module: SamSegEvaluation, sample: Sample, device: torch.device) -> float:
    _wait(device)
    start = time.perf_counter()
    module.label_maps([sample])
    _wait(device)
    return time.perf_counter() - start


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
