"""A day of an account: its runs, its three comparisons, and how it is judged."""
