"""The synthetic data: procedural scenes, ray-cast, and written in the layouts of real data sets."""
