"""Rooms: their shells, what stands in them, how they are lit, and how they are seen."""
