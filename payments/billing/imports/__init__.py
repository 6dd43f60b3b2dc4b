"""Files of stalls taken in batch by batch, by whoever comes first; see `loading`."""
