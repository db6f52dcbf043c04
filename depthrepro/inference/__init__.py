"""The forward pass, predictions and their files, and the maps and labels that are made with them."""
