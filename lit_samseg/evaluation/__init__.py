"""From an image to counts: what every part of the package that refines an image goes through."""
