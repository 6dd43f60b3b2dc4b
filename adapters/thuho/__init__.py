"""Banks and wallets that ask us what a code owes, take the money and tell of it."""
