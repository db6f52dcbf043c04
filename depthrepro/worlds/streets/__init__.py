"""Streets, their scenes and views."""
