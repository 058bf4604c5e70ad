"""SAM through the official segment-anything package: vit_b, vit_l, vit_h, MobileSAM and the built-in tiny one."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from lit_samseg.sam.architecture import MULTIMASK_OUTPUTS
from lit_samseg.sam.batching import PromptTensors, decode_alike_together
from lit_samseg.sam.checkpoint import load_sam
from lit_samseg.sam.frame import Frame
from lit_samseg.sam.interface import Candidates, Embedding, Precision, Prompt, PromptableSegmenter
from lit_samseg.sam.precision import autocast, check_precision
from lit_samseg.sam.registry import resolve_checkpoint
from lit_samseg.weights import freeze, sha256_of_file


class SegmentAnything(PromptableSegmenter):
    """A frozen SAM from a published checkpoint, recognised by its tensors.

    Args:
        checkpoint: Path of ``sam_vit_{b,l,h}_*.pth`` or of ``mobile_sam.pt``; or a name (``vit_b``, ``vit_l``,
            ``vit_h``, ``mobile_sam``), downloaded once; or ``demo`` for the built-in tiny SAM.
        precision: ``fp32``, ``bf16`` or ``fp16`` arithmetic in encoder and decoder (weights stay fp32). Logits, scores
            and everything after them are fp32.

    Raises:
        InputError: The checkpoint cannot be read or is not a SAM.
    """

    def __init__(self, checkpoint: str, precision: Precision = "fp32") -> None:
        super().__init__()
        check_precision(precision)
        path = resolve_checkpoint(checkpoint)
        self.name, self.model = load_sam(path)
        freeze(self)
        self.checkpoint = checkpoint
        self.sha256 = sha256_of_file(path)
        self.precision = precision

    def frame(self, image: Tensor) -> Frame:
        """Return the frame of an image ``[3, H, W]``."""
        height, width = image.shape[-2:]
        prompt_encoder = self.model.prompt_encoder
        return Frame(height, width, self.model.image_encoder.img_size, prompt_encoder.mask_input_size[0])

    @torch.inference_mode()
    def encode(self, images: Sequence[Tensor]) -> list[Embedding]:
        """Encode images one by one: a batch gains nothing on a CPU and would tie results to its make-up."""
        return [self._encode_one(image) for image in images]

    def _encode_one(self, image: Tensor) -> Embedding:
        frame = self.frame(image)
        # Normalise in the 0-255 scale first, pad with zeros after: the order SAM was trained with.
        pixels = (frame.resize_image(image) - self.model.pixel_mean) / self.model.pixel_std
        with autocast(image.device, self.precision):
            features = self.model.image_encoder(frame.pad(pixels)[None])[0]
        return Embedding(features.float(), frame)

    @torch.inference_mode()
    def decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool = True) -> Candidates:
        """Decode prompts of one image, those with equal token layout together, never padded."""
        decode_alike = partial(self._decode_alike, embedding.features, multimask)
        return decode_alike_together(embedding, prompts, MULTIMASK_OUTPUTS if multimask else 1, decode_alike)

    def _decode_alike(self, features: Tensor, multimask: bool, prompts: PromptTensors) -> tuple[Tensor, Tensor]:
        points = None
        if prompts.points is not None:
            points = (prompts.points, torch.ones(prompts.points.shape[:2], device=features.device))
        with autocast(features.device, self.precision):
            sparse, dense = self.model.prompt_encoder(points=points, boxes=prompts.boxes, masks=prompts.masks)
            logits, scores = self.model.mask_decoder(
                image_embeddings=features[None],
                image_pe=self.model.prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=multimask,
            )
        return logits, scores
