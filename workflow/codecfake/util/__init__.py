"""Errors, files, hashes and constants."""
