"""Figures of a table and of a run, drawn with matplotlib."""
