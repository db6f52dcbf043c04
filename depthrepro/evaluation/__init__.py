"""What a number means and how it is computed."""
