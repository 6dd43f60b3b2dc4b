"""Stickers of stalls: a sheet of paper for each, with the way to its page and to its payment."""
