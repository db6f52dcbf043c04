"""Foundations of all other folders; imports none of them."""
