"""What a stall's holder sees of it: what is owed, what was paid, what waits; and who may see it."""
