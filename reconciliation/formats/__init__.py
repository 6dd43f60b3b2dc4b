"""One module per statement format, all giving the same row."""
