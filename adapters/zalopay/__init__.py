"""ZaloPay, a wallet: payments by its open API, version 2."""
