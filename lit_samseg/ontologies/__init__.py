"""What a text-prompted segmenter is asked for each class: phrases, as files have them and as they are shipped.

Importing this loads no torch, so that ``lit-samseg classes`` answers at once.
"""

from lit_samseg.ontologies.phrases import Phrases, find_phrases, read_phrases, shipped_names, shipped_phrases

__all__ = ["Phrases", "find_phrases", "read_phrases", "shipped_names", "shipped_phrases"]
