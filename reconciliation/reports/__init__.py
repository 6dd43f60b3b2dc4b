"""Reports of a period: what was collected, kept, paid in; what accounts held; what is remitted."""
