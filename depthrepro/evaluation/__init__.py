"""Scores of predictions under a protocol: rows, means, baselines and panels."""
