"""Readers of real data sets, and what turns them into batches."""
