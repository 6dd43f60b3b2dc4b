"""Procedures and their fees: dated rows with their legal basis."""
