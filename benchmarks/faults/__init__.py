"""What can go wrong, from outside the pipeline's code. A fault strikes at an event, not a time."""
