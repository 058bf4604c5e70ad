"""Words become objects; one line for what is wrong. Nothing heavy is imported here."""
