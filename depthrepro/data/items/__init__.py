"""Items that batches are made of."""
