"""Webhooks: what has happened, told to the systems of a body that asked to be told."""
