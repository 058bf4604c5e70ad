"""Label maps and pictures on disk: what their numbers, colours and outlines mean, in and out."""
