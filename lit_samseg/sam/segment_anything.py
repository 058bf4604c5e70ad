"""SAM through the official segment-anything package: vit_b, vit_l, vit_h, MobileSAM and the built-in tiny one."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from lit_samseg.errors import InputError
from lit_samseg.sam.checkpoint import load_sam
from lit_samseg.sam.frame import Frame
from lit_samseg.sam.interface import Candidates, Embedding, Precision, Prompt, PromptableSegmenter
from lit_samseg.sam.registry import resolve_checkpoint
from lit_samseg.weights import freeze, sha256_of_file

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}

PROMPTS_PER_DECODER_CALL = 8
"""Bounds the decoder's memory: a prompt's activations take about 50 MB at 1024 pixels."""


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
        if precision not in ("fp32", *_DTYPES):
            raise InputError(f"sam.precision is {precision!r}; it is one of fp32, bf16, fp16")
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
        with self._autocast(image.device):
            features = self.model.image_encoder(frame.pad(pixels)[None])[0]
        return Embedding(features.float(), frame)

    @torch.inference_mode()
    def decode(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool = True) -> Candidates:
        """Decode prompts of one image, those with equal token layout together, never padded."""
        groups: dict[tuple[int, bool, bool], list[int]] = defaultdict(list)
        for index, prompt in enumerate(prompts):
            groups[prompt.token_layout].append(index)
        count, side = 3 if multimask else 1, embedding.frame.mask_size
        logits = embedding.features.new_empty(len(prompts), count, side, side)
        scores = embedding.features.new_empty(len(prompts), count)
        for members in groups.values():
            for start in range(0, len(members), PROMPTS_PER_DECODER_CALL):
                chunk = members[start : start + PROMPTS_PER_DECODER_CALL]
                where = torch.tensor(chunk, device=logits.device)
                chunk_logits, chunk_scores = self._decode_alike(embedding, [prompts[i] for i in chunk], multimask)
                logits.index_copy_(0, where, chunk_logits.float())
                scores.index_copy_(0, where, chunk_scores.float())
        return Candidates(logits, scores, embedding.frame)

    def _decode_alike(self, embedding: Embedding, prompts: Sequence[Prompt], multimask: bool) -> tuple[Tensor, Tensor]:
        frame, device = embedding.frame, embedding.features.device
        points = boxes = masks = None
        if prompts[0].points is not None:
            coordinates = torch.stack([frame.to_frame(p.points) for p in prompts if p.points is not None])
            labels = torch.ones(coordinates.shape[:2], device=device)
            points = (coordinates.float().to(device), labels)
        if prompts[0].box is not None:
            corners = torch.stack([frame.to_frame(p.box.view(2, 2)) for p in prompts if p.box is not None])
            boxes = corners.flatten(1).float().to(device)
        if prompts[0].mask is not None:
            masks = torch.stack(
                [frame.mask_prompt(p.mask) * p.mask_strength for p in prompts if p.mask is not None]
            ).to(device)
        with self._autocast(device):
            sparse, dense = self.model.prompt_encoder(points=points, boxes=boxes, masks=masks)
            logits, scores = self.model.mask_decoder(
                image_embeddings=embedding.features[None],
                image_pe=self.model.prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=multimask,
            )
        return logits, scores

    def _autocast(self, device: torch.device) -> AbstractContextManager[object]:
        # fp32 switches autocast off: a surrounding one must not change what the results call fp32.
        dtype = _DTYPES.get(self.precision)
        return torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)
