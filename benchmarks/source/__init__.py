"""The stand-in for the three APIs: their wire formats, the faults of a source, the ground truth."""
