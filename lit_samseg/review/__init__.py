"""What changed about masks, and where a person should look first: ``review.csv`` and ``review.html``."""
