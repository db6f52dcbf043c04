"""Losses: per-pixel errors, smoothness terms, and the callables (model, batch) -> named terms built from them.

Each callable declares `kinds`, the kinds of network that it trains, and `learns_from`, the data that it needs.
"""
