"""Regions of a label map become prompts; SAM's candidates are chosen from and merged into a new label map."""

from lit_samseg.refine.asked import Asked, AskedPrompts, all_of
from lit_samseg.refine.decision import Decision
from lit_samseg.refine.grammar import parse_variants
from lit_samseg.refine.grid import Grid, make_grid
from lit_samseg.refine.learned_gate import LearnedGate, read_gate
from lit_samseg.refine.merging import Canvas, merge, unite
from lit_samseg.refine.prompts import build_prompt
from lit_samseg.refine.refiner import refine, refine_by_all
from lit_samseg.refine.regions import Region, find_regions, find_regions_of_kinds
from lit_samseg.refine.selection import select
from lit_samseg.refine.variant import PAPER_VARIANTS, RECOMMENDED, Fusion, Variant

__all__ = [
    "PAPER_VARIANTS",
    "RECOMMENDED",
    "Asked",
    "AskedPrompts",
    "Canvas",
    "Decision",
    "Fusion",
    "Grid",
    "LearnedGate",
    "Region",
    "Variant",
    "all_of",
    "build_prompt",
    "find_regions",
    "find_regions_of_kinds",
    "make_grid",
    "merge",
    "parse_variants",
    "read_gate",
    "refine",
    "refine_by_all",
    "select",
    "unite",
]
