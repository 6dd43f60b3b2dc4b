"""Providers of e-invoices: a line each in `providers`, what they speak in a module of their own."""
