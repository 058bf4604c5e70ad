"""A SAM for other programs: its encoder and decoder as ONNX graphs.

Importing this loads nothing, so that help is there at once.
"""

OPSET = 18
"""The operators' version: onnxruntime 1.14 and everything newer reads it."""

TOLERANCE = 1e-4
"""Largest difference to torch's answers, absolute where numbers are below 1, else as a part of the largest."""
