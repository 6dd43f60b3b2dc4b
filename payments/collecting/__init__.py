"""A collector's walk: what was done at stalls, with or without a network, and the cash of it."""
