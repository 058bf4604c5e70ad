"""Which images go through an encoder together, and which prompts through a mask decoder."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lit_samseg.sam.interface import Asked, Candidates, Embedding, Prompt
from lit_samseg.sam.oom_retry import Halving
from lit_samseg.sam.prompt_tensors import MixedPrompts, PromptTensors, mix, stack_alike

DECODER_BYTES = 2**30
"""What a decoder call on a GPU may take for the activations of its prompts."""
PROMPT_BYTES_PER_LOGIT = 3 * 2**8
"""Activations of one prompt, per low-resolution logit of one mask: about 50 MB for the published 256 x 256."""


def images_per_call(images: Sequence[Tensor]) -> int:
    """Return how many images go through an encoder together.

    On a GPU all of them. Elsewhere each alone: a batch gains nothing on a CPU, and results would depend in their last
    bits on its make-up.
    """
    return len(images) if images and images[0].device.type == "cuda" else 1


def encode_together(
    images: Sequence[Tensor],
    fitting: Halving,
    encode: Callable[[Sequence[Tensor]], list[Embedding]],
    compiled: bool = False,
) -> list[Embedding]:
    """Encode images, `images_per_call` at once, or fewer where these do not fit into memory.

    Args:
        images: uint8 ``[3, H, W]`` of any sizes; there may be none.
        fitting: What is known of the memory.
        encode: The encoder, for one call.
        compiled: The encoder is translated anew for every size of a call. Then it is given 1, 2, 4, ... images: what
            lacks is filled up with the last one.

    Returns:
        Embeddings in the images' order.

    Raises:
        InputError: The memory does not hold the work on a single image.
    """
    embeddings: list[Embedding] = []

    def encode_chunk(chunk: Sequence[Tensor]) -> None:
        size = 1 << (len(chunk) - 1).bit_length() if compiled else len(chunk)
        filled = [*chunk, *[chunk[-1]] * (size - len(chunk))]
        embeddings.extend(encode(filled)[: len(chunk)])

    fitting.run(images, images_per_call(images), encode_chunk)
    return embeddings


def prompts_per_call(device: torch.device, mask_size: int) -> int:
    """Return how many prompts go through a decoder together.

    On a CPU one at a time: a single prompt keeps the cores busy and its activations in the cache (the official decoder
    of MobileSAM on two cores: 53 ms each alone, 65 in fours, 75 in eights), and so results cannot depend on what else
    is asked, to the last bit.
    """
    if device.type == "cpu":
        return 1
    return max(1, DECODER_BYTES // (PROMPT_BYTES_PER_LOGIT * mask_size**2))


def decode_alike_together(
    embedding: Embedding,
    prompts: Sequence[Prompt],
    masks_per_prompt: int,
    fitting: Halving,
    decode: Callable[[PromptTensors], tuple[Tensor, Tensor]],
    known: tuple[int, int] | None = None,
) -> Candidates:
    """Decode prompts of one image, those with equal token layout together, never padded.

    Args:
        embedding: The image.
        prompts: ``N`` prompts, in any mixture; ``N`` may be 0.
        masks_per_prompt: ``M``, candidates that the decoder gives of each.
        fitting: What is known of the memory: where `prompts_per_call` prompts do not fit, fewer are decoded at once.
        decode: The decoder, from at most `prompts_per_call` prompts to their logits ``[n, M, mask_size, mask_size]``
            and scores ``[n, M]`` in any floating-point type.
        known: How many classes have names for the segmenter, and how many planes beliefs have; None where it does not
            listen to classes.

    Returns:
        Candidates in the prompts' order.

    Raises:
        InputError: The memory does not hold the work on a single prompt.
    """
    groups: dict[tuple[int, int, bool, bool], list[int]] = defaultdict(list)
    for index, prompt in enumerate(prompts):
        groups[prompt.token_layout].append(index)
    side = embedding.frame.mask_size
    logits = embedding.features.new_empty(len(prompts), masks_per_prompt, side, side)
    scores = embedding.features.new_empty(len(prompts), masks_per_prompt)

    def decode_chunk(chunk: Sequence[int]) -> None:
        tensors, where = stack_alike(prompts, chunk, embedding.frame, logits.device, known)
        chunk_logits, chunk_scores = decode(tensors)
        logits.index_copy_(0, where, chunk_logits.float())
        scores.index_copy_(0, where, chunk_scores.float())

    for members in groups.values():
        fitting.run(members, prompts_per_call(logits.device, side), decode_chunk)
    return Candidates(logits, scores, embedding.frame)


def decode_mixed_together(
    asked: Asked,
    masks_per_prompt: int,
    fitting: Halving,
    decode: Callable[[MixedPrompts], tuple[Tensor, Tensor]],
    known: tuple[int, int] | None = None,
) -> list[Candidates]:
    """Decode prompts of one size of frame and any token layouts together, those of several images too.

    Args:
        asked: The images with their prompts, in any mixture; there may be none of either.
        masks_per_prompt: As for `decode_alike_together`.
        fitting: Likewise.
        decode: The decoder, from at most `prompts_per_call` prompts to their logits and scores, likewise.
        known: Likewise.

    Returns:
        Each image's candidates, in the order of its prompts.

    Raises:
        InputError: The memory does not hold the work on a single prompt.
    """
    flat = [(image, prompt) for image, (_, prompts) in enumerate(asked) for prompt in prompts]
    features, side = asked[0][0].features, asked[0][0].frame.mask_size
    logits = features.new_empty(len(flat), masks_per_prompt, side, side)
    scores = features.new_empty(len(flat), masks_per_prompt)
    frames = [embedding.frame for embedding, _ in asked]

    def decode_chunk(chunk: Sequence[int]) -> None:
        tensors, where = mix([flat[i] for i in chunk], frames, chunk, features.device, known)
        chunk_logits, chunk_scores = decode(tensors)
        logits.index_copy_(0, where, chunk_logits.float())
        scores.index_copy_(0, where, chunk_scores.float())

    # Those with a mask last, and so apart from the others if there are many.
    order = sorted(range(len(flat)), key=lambda n: flat[n][1].token_layout[3])
    fitting.run(order, prompts_per_call(features.device, side), decode_chunk)
    counts = [len(prompts) for _, prompts in asked]
    return [
        Candidates(own_logits, own_scores, frame)
        for own_logits, own_scores, frame in zip(
            torch.split(logits, counts), torch.split(scores, counts), frames, strict=True
        )
    ]
