"""Phrases as tokens, read whole or not at all."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lit_samseg.errors import InputError


class PhraseReader:
    """Makes tokens of texts.

    Args:
        tokenizer: The library's own.
        length: How many tokens a text may have, with those of its start and end.
        padded: Whether texts are filled up to that length.
        checkpoint: Whose tokenizer it is, for messages.
    """

    def __init__(self, tokenizer: Any, length: int, padded: bool, checkpoint: str) -> None:
        self.tokenizer, self.length, self.padded, self.checkpoint = tokenizer, length, padded, checkpoint

    def check(self, phrase: str, text: str) -> None:
        """See that a phrase fits.

        Args:
            phrase: As it was given, for the message.
            text: What the network is asked.

        Raises:
            InputError: It has too many tokens.
        """
        count = len(self.tokenizer(text)["input_ids"])
        if count > self.length:
            raise InputError(
                f"{self.checkpoint}: the phrase {phrase!r} has {count} tokens with start and end, and the network "
                f"reads {self.length}; say it in fewer words"
            )

    def tokens(self, text: str, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return the tokens of a text that fits, and which of them are no filling, int64 ``[1, T]`` each."""
        padding = {"padding": "max_length", "max_length": self.length} if self.padded else {}
        found = self.tokenizer([text], return_tensors="pt", **padding)
        return found["input_ids"].to(device), found["attention_mask"].to(device)


def check_options(phrases_at_once: int | None, least_score: float | None, most_instances: int, who: str) -> None:
    """See that options of a text-prompted network are in range.

    Raises:
        InputError: One is not.
    """
    if phrases_at_once is not None and phrases_at_once < 1:
        raise InputError(f"{who}.phrases_at_once is {phrases_at_once}; give 1 or more, or null")
    if least_score is not None and not 0 <= least_score <= 1:
        raise InputError(f"{who}: the least score is {least_score}; give a number from 0 to 1")
    if most_instances < 1:
        raise InputError(f"{who}.most_instances is {most_instances}; give 1 or more")


Text = tuple[Tensor, ...]
"""What a network makes of a text."""


def in_groups(texts: Sequence[Text]) -> list[list[int]]:
    """Return the places of texts of equal shapes together, which are stacked without padding that would change them."""
    groups: dict[tuple[torch.Size, ...], list[int]] = {}
    for n, text in enumerate(texts):
        groups.setdefault(tuple(tensor.shape for tensor in text), []).append(n)
    return list(groups.values())
