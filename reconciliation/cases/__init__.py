"""Discrepancies as people work them: owned, discussed, resolved by two."""
