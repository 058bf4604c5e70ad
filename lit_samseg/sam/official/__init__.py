"""The published architecture of SAM, arranged for speed: the same weights and the same function."""
