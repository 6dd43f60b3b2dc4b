"""Real procedures and a demonstration agency to start with."""
