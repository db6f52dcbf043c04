"""What everything else is built on: it imports nothing of this package."""
