"""Notices of credits from banks and aggregators."""
