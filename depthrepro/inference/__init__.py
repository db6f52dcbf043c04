"""The one forward pass, and what is kept of it."""
