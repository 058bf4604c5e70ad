"""Segmenters that are prompted by words."""

from lit_samseg.concepts.interface import Concepts, ConceptSegmenter, Instances, SeenImage

__all__ = ["ConceptSegmenter", "Concepts", "Instances", "SeenImage"]
