"""Weight files: where they are, what is in them, and what they were made from."""
