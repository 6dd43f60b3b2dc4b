"""One module for each provider that the sandbox can play, found by their folder."""
