"""The market: places, who holds them, what they cost, and the bills of each period."""
