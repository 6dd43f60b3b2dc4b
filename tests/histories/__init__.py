"""What clients saw, and whether it can be true: this folder imports nothing of ours.

`record` keeps what was asked and answered, `citizens` ask, `judge` says what cannot be true. It
knows the service by its public API alone, so that no mistake of ours can hide in its judge.
"""
