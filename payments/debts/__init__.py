"""Debts that other offices set: lists of them taken in, and an ordinary bill for each."""
