"""Payments that the payer's bank disputes: told by gateways, the money set aside until decided."""
