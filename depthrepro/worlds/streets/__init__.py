"""Street scenes: their objects, their light, and where a camera stands."""
