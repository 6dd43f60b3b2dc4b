"""The sandbox itself: a store, a clock, lies on demand. It knows no provider: see `dialect`."""
