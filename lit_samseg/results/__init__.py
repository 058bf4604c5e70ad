"""What is made of a finished run: reads its files, never a model."""
