"""Which money is which: the rules of all comparisons, and the engine that applies them."""
