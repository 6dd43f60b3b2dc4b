"""Money on a stall's own reference: whose it is, what it pays there, and what waits."""
