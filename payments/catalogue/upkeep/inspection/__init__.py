"""What is wrong with the catalogue, or will be."""
