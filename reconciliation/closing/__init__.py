"""A day that is closed: its figures, its minutes, and their papers."""
