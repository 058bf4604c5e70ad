"""Semantic segmenters in the layout of transformers."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lit_samseg.baselines.bands import Resized, Rows, Stored, argmax_in_bands
from lit_samseg.baselines.configuration import read_configuration
from lit_samseg.baselines.finite import naming
from lit_samseg.baselines.interface import TrainableBaseline, resize_bilinear
from lit_samseg.baselines.preprocessing import COARSEST_STRIDE, NetworkInput, Preprocessing, too_thin
from lit_samseg.baselines.queries import log_likelihood, scores_of_queries, scores_of_windows
from lit_samseg.checkpoints.hub import find_checkpoint_folder
from lit_samseg.checkpoints.identity import identity_of, sha256_of_settings
from lit_samseg.checkpoints.pretrained import load_pretrained, read_config, weight_files
from lit_samseg.checkpoints.trained_on import read_trained_on
from lit_samseg.errors import InputError

_LOGITS = ("beit", "data2vec-vision", "dpt", "mobilevit", "mobilevitv2", "segformer", "upernet")
# BEiT, Data2Vec and DPT have tables of positions for an input of one size.
_ANY_SIZE = ("mobilevit", "mobilevitv2", "segformer", "upernet")
_QUERIES = ("eomt", "eomt_dinov3", "mask2former", "maskformer")
# The deepest fusion layer has no residual to add; the published checkpoints were saved without what it would use.
_UNUSED = {"dpt": ("neck.fusion_stage.layers.0.residual_layer1.",)}
_ELSEWHERE = {"mobilenet_v2": "MobileNetV2DeepLab", "oneformer": "OneFormer"}

WINDOWS_AT_ONCE = 4
"""EoMT's windows that go through the network together; images up to 4:1 have no more."""


class HubSegmenter(TrainableBaseline):
    """A frozen segmenter that ``AutoModelForSemanticSegmentation`` or ``AutoModelForUniversalSegmentation`` loads.

    The architecture is read from the checkpoint: BEiT, Data2Vec (vision), DPT, EoMT, Mask2Former, MaskFormer,
    MobileViT (both versions), SegFormer, UPerNet. Images are prepared by the checkpoint's own processor, whole and
    without its label reduction (:class:`lit_samseg.baselines.preprocessing.Preprocessing` says what is changed, and
    for which network).

    The label map is made at the image's own size:

    - Logits per pixel are brought there bilinearly, then the largest is taken, as
      ``post_process_semantic_segmentation`` of the library does.
    - Mask2Former, MaskFormer: the official order (``maskformer_model.py``, with
      ``SEM_SEG_POSTPROCESSING_BEFORE_INFERENCE`` False as in the semantic configurations of ADE20K): mask logits are
      brought to the network's input, class scores are formed, and these are brought to the image's size. The library
      forms scores at another size (Mask2Former: 384 x 384 whatever the input; MaskFormer: the masks' own).
    - EoMT: the official order, which is the library's too; padding is cut away, which the library does not do.

    No tensor of the image's size with one channel per class is ever made; the largest are the network's own, bands of
    :data:`lit_samseg.baselines.bands.BAND_BYTES`, and what `predict` says of the classes (of queries, at most
    :data:`lit_samseg.baselines.queries.LONGEST` pixels wide or high).

    Args:
        checkpoint: A folder with ``config.json``, ``preprocessor_config.json`` and ``model.safetensors``, or a hub id
            such as ``nvidia/segformer-b0-finetuned-ade-512-512``.
        first_class: Class id of the checkpoint that is the data set's class 0; those below are never predicted. 1
            leaves out a background that the data set does not have.

    Attributes:
        processor: Class of the image processor in use, see :class:`.Preprocessing`.

    Raises:
        InputError: The checkpoint is missing, broken, no segmenter, or of an architecture not named above; or an image
            is too thin for it.
    """

    first_class: int

    def __init__(self, checkpoint: str, first_class: int = 0) -> None:
        super().__init__()
        folder = find_checkpoint_folder(checkpoint, "baseline")
        settings = read_config(folder, "baseline")
        self.name = settings["model_type"]
        model_class = _model_class(settings, folder / "config.json")
        config, self.class_names, self.num_classes = read_configuration(folder, settings, first_class)
        self.preprocessing = Preprocessing(folder, config)
        self.processor = self.preprocessing.name
        self.model, self.sha256 = load_pretrained(model_class, folder, config, self.name, _UNUSED.get(self.name, ()))
        self.settings_sha256 = sha256_of_settings(folder)
        self.trained_on = read_trained_on(weight_files(folder))
        self.checkpoint = checkpoint
        self.first_class = first_class

    @property
    def identity(self) -> str | None:
        """Weights, configuration, image processor in use (there may be two for the same settings), first class."""
        return identity_of(
            self,
            HubSegmenter,
            weights=self.sha256,
            files=self.settings_sha256,
            processor=self.processor,
            first_class=self.first_class,
        )

    @torch.inference_mode()
    def label_map(self, image: Tensor, image_id: str) -> Tensor:
        """Return class ids, int64 ``[H, W]``; ties go to the lower class id.

        Raises:
            InputError: The image is too thin for the network, or a score is NaN or infinite.
        """
        return self._labels(*self._scores(image, image_id), image_id)

    @torch.inference_mode()
    def predict(self, image: Tensor, image_id: str) -> tuple[Tensor, Tensor]:
        """Predict the label map and class logits, float32 ``[C, h, w]``: the network's own, or `log_likelihood`."""
        scores, turned = self._scores(image, image_id)
        labels = self._labels(scores, turned, image_id)
        if isinstance(scores, Resized) and isinstance(scores.source, Stored):
            return labels, scores.source.values
        logits = log_likelihood(scores)
        return labels, logits.transpose(1, 2) if turned else logits

    @torch.inference_mode()
    def look_closer(self, image: Tensor, scale: float) -> Tensor | None:
        """Return class logits of the network's input, enlarged; None of a network for inputs of one size.

        Raises:
            InputError: The image is too thin for the network.
        """
        if self.name not in _ANY_SIZE:
            return None
        pixels = self.preprocessing(image, "").pixels
        size = [max(COARSEST_STRIDE, round(side * scale)) for side in pixels.shape[2:]]
        larger = F.interpolate(pixels, size, mode="bilinear", antialias=scale < 1)
        found: Tensor = self._run(larger, (image.shape[1], image.shape[2]), "").logits[0, self.first_class :]
        return found

    def check_trainable(self) -> None:
        """Refuse networks that answer with queries: their losses match these with masks of the ground truth."""
        if self.name not in _LOGITS:
            raise InputError(
                f"{self.checkpoint} is of {self.name}, whose queries are not trained by a loss of each pixel; give a "
                f"network of {', '.join(_LOGITS)}"
            )

    def scores(self, image: Tensor, image_id: str) -> Tensor:
        """Return logits at the image's size, with gradients where the weights have them; not of queries."""
        rows, _ = self._scores(image, image_id)
        assert isinstance(rows, Resized) and isinstance(rows.source, Stored), "check_trainable"  # noqa: PT018
        return resize_bilinear(rows.source.values, image.shape[1], image.shape[2], antialias=False)

    def save(self, folder: Path) -> Path:
        """Write the network as it is now, and what prepares its images."""
        self.model.save_pretrained(folder)  # type: ignore[operator]
        shutil.copy2(self.preprocessing.file, folder)
        return folder

    def _labels(self, scores: Rows, turned: bool, image_id: str) -> Tensor:
        with naming(self.checkpoint, image_id):
            labels = argmax_in_bands(scores)
        return labels.T.contiguous() if turned else labels

    def _scores(self, image: Tensor, image_id: str) -> tuple[Rows, bool]:
        """Return class scores at the image's size, and whether the image lies on its side in them."""
        size = (image.shape[1], image.shape[2])
        given = self.preprocessing(image, image_id)
        output = self._run(given.pixels, size, image_id)
        if self.name in _LOGITS:
            return Resized(Stored(output.logits[0, self.first_class :]), *size), False
        return self._of_queries(output, given, size)

    def _run(self, pixels: Tensor, size: tuple[int, int], image_id: str) -> Any:
        """Give the network an image, or windows a few at a time; of windows, return what is made of their queries."""
        try:
            outputs = [self.model(pixel_values=chunk) for chunk in torch.split(pixels, WINDOWS_AT_ONCE)]
        except (ValueError, RuntimeError) as error:
            # Only where the input is smaller than one cell of the coarsest grid can the image be to blame.
            if min(pixels.shape[2:]) >= COARSEST_STRIDE or isinstance(error, torch.OutOfMemoryError):
                raise
            raise too_thin(image_id, *size, str(error).strip().partition("\n")[0]) from error
        if len(outputs) == 1:
            return outputs[0]
        return SimpleNamespace(
            **{
                key: torch.cat([output[key] for output in outputs])
                for key in ("masks_queries_logits", "class_queries_logits")
            }
        )

    def _of_queries(self, output: Any, given: NetworkInput, size: tuple[int, int]) -> tuple[Rows, bool]:
        masks, classes = output.masks_queries_logits, output.class_queries_logits
        whole = (given.pixels.shape[2], given.pixels.shape[3])
        if given.starts is None:
            scores = scores_of_queries(masks[0], classes[0], whole, given.inside, size, self.first_class, False)
            return scores, False
        tall = size[0] > size[1]
        if tall:
            masks, whole, size = masks.transpose(-1, -2), whole[::-1], size[::-1]
        return scores_of_windows(masks, classes, whole, given.starts, size, self.first_class), tall


def _model_class(settings: dict[str, Any], path: Path) -> type:
    """Return the class that transformers' auto mappings name for a configuration."""
    kind = settings["model_type"]
    if kind in _ELSEWHERE:
        raise InputError(
            f"{path} describes {kind!r}, which has settings of its own; use lit_samseg.baselines.{_ELSEWHERE[kind]}"
        )
    if kind not in _LOGITS + _QUERIES:
        fitting = ", ".join(sorted(_LOGITS + _QUERIES))
        raise InputError(f"{path} describes {kind!r}; HubSegmenter reads {fitting}")
    import transformers
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING_NAMES,
        MODEL_FOR_UNIVERSAL_SEGMENTATION_MAPPING_NAMES,
    )

    mapping = MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING_NAMES if kind in _LOGITS else None
    name = (mapping or MODEL_FOR_UNIVERSAL_SEGMENTATION_MAPPING_NAMES)[kind]
    saved = settings.get("architectures") or [name]
    if name not in saved:
        raise InputError(f"{path} is of a {saved[0]}, which has no semantic segmentation head; give one of a {name}")
    model_class: type = getattr(transformers, name)
    return model_class
