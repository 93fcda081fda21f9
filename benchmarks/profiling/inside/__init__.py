"""What the profiled processes import; alone, so that they find none of our other modules."""
