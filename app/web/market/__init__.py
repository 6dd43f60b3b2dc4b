"""Pages of markets, for vendors: what a stall owes and how to pay it."""
