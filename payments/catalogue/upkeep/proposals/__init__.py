"""Changes of the catalogue: proposed by one person, applied by another."""
