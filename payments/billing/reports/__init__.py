"""What a market's board sees: who is behind, what came in of each period, how each stall stands."""
