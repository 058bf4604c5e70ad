"""Segmenters that are prompted by words."""

from lit_samseg.concepts.boxes_by_text import BoxesByText
from lit_samseg.concepts.hub_concepts import HubConcepts
from lit_samseg.concepts.interface import Concepts, ConceptSegmenter, Instances, SeenImage
from lit_samseg.concepts.ontology import Ontology, read_ontology
from lit_samseg.concepts.short_list import ShortList
from lit_samseg.concepts.simulated import SimulatedConcepts
from lit_samseg.concepts.tiny import TinyConcepts

__all__ = [
    "BoxesByText",
    "ConceptSegmenter",
    "Concepts",
    "HubConcepts",
    "Instances",
    "Ontology",
    "SeenImage",
    "ShortList",
    "SimulatedConcepts",
    "TinyConcepts",
    "read_ontology",
]
