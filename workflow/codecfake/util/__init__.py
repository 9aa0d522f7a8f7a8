"""Errors, file handling, hashes, validation and constants."""
