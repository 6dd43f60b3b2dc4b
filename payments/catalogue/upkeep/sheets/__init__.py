"""The catalogue as files for a spreadsheet: reading them strictly, and writing them."""
