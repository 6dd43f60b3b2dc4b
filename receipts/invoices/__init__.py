"""Invoices of what is a price: asked for at a provider of e-invoices once, and kept by number."""
