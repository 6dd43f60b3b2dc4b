"""Which stall money in suspense may be for: shown to people, never decided here."""
