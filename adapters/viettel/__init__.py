"""Viettel Money, a wallet: payments through its gateway, version 2.0."""
