"""Rooms: their shells, the things in them, their light, and where a camera is held."""
