"""The document that proves a payment."""
