"""What a run understood of its data, said before it begins."""

import sys
from pathlib import Path

from lightning import Callback, LightningModule, Trainer

from lit_samseg.data import SegmentationDataModule
from lit_samseg.data.turned import find_turned
from lit_samseg.data.understanding import (
    describe_background,
    describe_classes,
    describe_pictures,
    look_at_truth,
    warnings_of,
)
from lit_samseg.formats.listing import counted, in_words, list_folder
from lit_samseg.module import SamSegEvaluation


class DataSummary(Callback):
    """Prints on standard error, by the first process, what was understood, and warns of what looks like a mistake.

    What is warned of is in ``results.json`` too, by numbers of the whole run.
    """

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say it of a test."""
        self._say(trainer, pl_module)

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say it of images without ground truth."""
        self._say(trainer, pl_module)

    def _say(self, trainer: Trainer, module: LightningModule) -> None:
        assert isinstance(module, SamSegEvaluation)
        data = trainer.datamodule  # type: ignore[attr-defined]
        # On every process, since it may end the run.
        data.doubts = find_doubts(data, module)
        if not trainer.is_global_zero:
            return
        seen = None if trainer.predicting else look_at_truth(data)
        painting = [v.name for v in module.variants if v.prompt and v.fill == "background"]
        lines = [
            describe_pictures(data, with_target=not trainer.predicting) + _unused_label_maps(data, module),
            describe_classes(data, seen),
            describe_background(data, painting, seen),
        ]
        lines += [f"warning: {text}" for text in [*data.doubts, *warnings_of(data, seen)]]
        print(*(f"lit-samseg: {line}" for line in lines), sep="\n", file=sys.stderr, flush=True)


def _unused_label_maps(data: SegmentationDataModule, module: SamSegEvaluation) -> str:
    """Name label maps of the baseline to which no picture of a folder belongs."""
    root, folder = getattr(module.baseline, "root", None), data.picture_folder
    if not isinstance(root, Path) or folder is None or not root.is_dir():
        return ""
    found = list_folder(root, None, (".png",)).found
    names = [paths[0].name for stem, paths in found.items() if stem not in folder.paths]
    return f"; {counted(len(names), 'label map')} without a picture ({in_words(names)})" if names else ""


def find_doubts(data: SegmentationDataModule, module: SamSegEvaluation) -> list[str]:
    """Look whether the baseline's label maps lie on images that EXIF data turn.

    Raises:
        InputError: They were drawn on images that lie otherwise, and the run is to end at what cannot be used.
    """
    if data.turned is None or not data.turned.images:
        return []
    turned = set(data.turned.images)
    pairs = [
        (image, files[0])
        for image_id in data.ids
        if (image := data.source.files(image_id, with_target=False)[0]) in turned
        and (files := module.baseline.files(image_id))
    ]
    if not pairs:
        return []
    images, maps = zip(*pairs, strict=True)
    found = find_turned(images, maps, data.turned.exif, "label map", labels_turn=False)
    if data.on_error == "raise":
        found.check()
    return [doubt] if (doubt := found.warning()) else []
