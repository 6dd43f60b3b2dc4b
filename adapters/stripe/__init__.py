"""Stripe, for foreign cards: payments on its hosted page (Checkout)."""
