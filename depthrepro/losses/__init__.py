"""Losses: per-pixel errors, smoothness terms, and the callables (model, batch) -> named terms built from them."""
