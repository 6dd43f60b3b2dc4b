"""MoMo, a wallet: payments by its API, version 2."""
