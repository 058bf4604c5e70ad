"""An evaluation on the emulated GPU beside the same on the CPU."""

import copy
import dataclasses
import gc
from collections.abc import Sequence

import torch

from lit_samseg.baselines import Baseline, MobileNetV2DeepLab
from lit_samseg.data import Sample, Scenes, SegmentationDataModule
from lit_samseg.evaluation.label_maps import LabelMaps
from lit_samseg.module import SamSegEvaluation
from lit_samseg.runtime.tf32 import without_tf32
from lit_samseg.sam import PromptableSegmenter, SegmentAnything
from tests.emulation.meter import Meter


class World:
    """Images with networks; the built-in ones if nothing else is given.

    Args:
        data: The images.
        baseline: The semantic segmenter.
        sam: The promptable segmenter.
        ids: The images.
    """

    def __init__(
        self,
        data: SegmentationDataModule | None = None,
        baseline: Baseline | None = None,
        sam: PromptableSegmenter | None = None,
        ids: Sequence[str] = ("scene_00000", "scene_00001"),
    ) -> None:
        self.data = data or Scenes(size=4)
        self.baseline, self.sam = baseline or MobileNetV2DeepLab("demo"), sam or SegmentAnything("demo")
        read = [self.data.read(image_id, with_target=True) for image_id in ids]
        self.samples = [dataclasses.replace(sample, position=n) for n, sample in enumerate(read)]

    def module(self, variants: Sequence[str], analysis: bool) -> SamSegEvaluation:
        """Return an evaluation of these rows, ready to count."""
        facts = {"class_names": self.data.class_names, "background": self.data.background}
        module = SamSegEvaluation(self.baseline, self.sam, list(variants), analysis=analysis, **facts).eval()
        module.scoring.begin()
        return module

    def on_cpu(self, variants: Sequence[str], analysis: bool = False) -> list[LabelMaps]:
        """Evaluate all images on the CPU."""
        return self.module(variants, analysis).evaluate(self.samples)

    def on_gpu(self, gpu: Meter, variants: Sequence[str], analysis: bool = False, warm: bool = True) -> list[LabelMaps]:
        """Evaluate all images on the emulated GPU, as one batch; the meter then has the counts of this alone.

        Args:
            gpu: The meter.
            variants: The rows.
            analysis: Whether to analyse.
            warm: Evaluate an image of each size before, so that what is made once has been made.
        """
        # Networks stay where they are for the next test, and going back would be counted.
        module = copy.deepcopy(self.module(variants, analysis)).to("cuda")
        with without_tf32(), torch.inference_mode():
            if warm:
                of_each_size = {sample.image.shape: sample for sample in self.samples}
                module.label_maps(self.moved(list(of_each_size.values())), module.analysis)
            gc.collect()
            gpu.reset()
            return module.evaluate(self.moved(self.samples))

    def moved(self, samples: list[Sample]) -> list[Sample]:
        """Scale images as the processes that read them do for a GPU, and bring them there."""
        resizer = self.sam.resizer()
        assert resizer is not None
        scaled = [dataclasses.replace(sample, resized=resizer(sample.image)) for sample in samples]
        return self.data.transfer_batch_to_device(scaled, torch.device("cuda"), 0)
