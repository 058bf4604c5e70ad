"""A SAM for other programs: its encoder and decoder as ONNX graphs."""

from lit_samseg.export.folder import export_onnx
from lit_samseg.export.parity import TOLERANCE, Parity

__all__ = ["TOLERANCE", "Parity", "export_onnx"]
