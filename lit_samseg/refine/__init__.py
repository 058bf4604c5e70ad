"""Regions of a label map become prompts; SAM's candidates are chosen from and composed into a new label map."""

# The parts are known by their words once their modules are imported.
from lit_samseg.refine import (
    belief_parts,
    binding,
    fields,
    gates,
    judges,
    prompt_parts,
    second_look,
    several_looks,
    word_parts,
)
from lit_samseg.refine.asked import Asked, AskedPrompts, all_of
from lit_samseg.refine.calibrated_words import CalibratedWords
from lit_samseg.refine.candidates import RegionCandidates, first_maximum, intersection_over_union
from lit_samseg.refine.cell_memory import CellMemory
from lit_samseg.refine.class_scores import ClassScores, certain
from lit_samseg.refine.context import ImageContext
from lit_samseg.refine.convolutional_memory import ConvolutionalMemory
from lit_samseg.refine.decision import Decision
from lit_samseg.refine.feature_memory import FeatureMemory
from lit_samseg.refine.grammar import RowText, parse_variant, parse_variants, variant_of
from lit_samseg.refine.grid import Grid, make_grid
from lit_samseg.refine.kinds import Gate, PromptPart, RegionFinder, Selector
from lit_samseg.refine.learned_gate import LearnedGate, read_gate
from lit_samseg.refine.map_kinds import Belief, Composer, Composition, Evidence, Field, Judge, Painter, Start, Tally
from lit_samseg.refine.memory_file import check_memory, read_memory
from lit_samseg.refine.merging import Canvas, merge, unite
from lit_samseg.refine.part import PARTS, Part, option, part
from lit_samseg.refine.prompts import build_prompt
from lit_samseg.refine.refiner import refine, refine_by_all, refine_scores
from lit_samseg.refine.region_finders import REGION_FINDERS
from lit_samseg.refine.regions import Region, find_regions, find_regions_by
from lit_samseg.refine.told import Told, WordSource
from lit_samseg.refine.variant import PAPER_VARIANTS, RECOMMENDED, Variant
from lit_samseg.refine.word_file import check_calibration, read_calibration

__all__ = [
    "PAPER_VARIANTS",
    "PARTS",
    "RECOMMENDED",
    "REGION_FINDERS",
    "Asked",
    "AskedPrompts",
    "Belief",
    "CalibratedWords",
    "Canvas",
    "CellMemory",
    "ClassScores",
    "Composer",
    "Composition",
    "ConvolutionalMemory",
    "Decision",
    "Evidence",
    "FeatureMemory",
    "Field",
    "Gate",
    "Grid",
    "ImageContext",
    "Judge",
    "LearnedGate",
    "Painter",
    "Part",
    "PromptPart",
    "Region",
    "RegionCandidates",
    "RegionFinder",
    "RowText",
    "Selector",
    "Start",
    "Tally",
    "Told",
    "Variant",
    "WordSource",
    "all_of",
    "belief_parts",
    "binding",
    "build_prompt",
    "certain",
    "check_calibration",
    "check_memory",
    "fields",
    "find_regions",
    "find_regions_by",
    "first_maximum",
    "gates",
    "intersection_over_union",
    "judges",
    "make_grid",
    "merge",
    "option",
    "parse_variant",
    "parse_variants",
    "part",
    "prompt_parts",
    "read_calibration",
    "read_gate",
    "read_memory",
    "refine",
    "refine_by_all",
    "refine_scores",
    "second_look",
    "several_looks",
    "unite",
    "variant_of",
    "word_parts",
]
