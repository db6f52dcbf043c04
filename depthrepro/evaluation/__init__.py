"""Meaning and computation of every number."""
