"""The synthetic data sets as they are written to disk."""
