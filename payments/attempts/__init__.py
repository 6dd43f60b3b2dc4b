"""Paying a bill at a gateway: checkout, status inquiry, gateway results."""
