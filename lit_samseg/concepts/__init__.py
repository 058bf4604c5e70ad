"""Segmenters that are prompted by words."""

from lit_samseg.concepts.interface import Concepts, ConceptSegmenter, Instances, SeenImage
from lit_samseg.concepts.ontology import Ontology, read_ontology

__all__ = ["ConceptSegmenter", "Concepts", "Instances", "Ontology", "SeenImage", "read_ontology"]
