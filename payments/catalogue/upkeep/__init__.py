"""How people change the catalogue: entries, sheets, proposals, inspection, planned changes."""
