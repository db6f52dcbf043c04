"""Depth-estimation papers, reproduced table by table."""

__version__ = "0.1.0"
