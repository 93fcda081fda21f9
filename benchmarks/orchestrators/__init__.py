"""The engines: one adapter each, the same methods in the same order."""
