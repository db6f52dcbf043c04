"""Readers of data sets, one each."""
