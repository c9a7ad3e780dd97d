"""Meaning and numbers: instruments, scoring, moments, models and what they say about para-social interaction."""
