"""What one picture came to: the label map, and the forms in which other programs take it."""

from lit_samseg.formats.objects.outlines import Polygon, outline
from lit_samseg.refined.refinement import Refinement
from lit_samseg.refined.regions import RefinedRegion

__all__ = ["Polygon", "RefinedRegion", "Refinement", "outline"]
