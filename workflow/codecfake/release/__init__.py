"""Sets as they are published: read, taken in, and made."""
