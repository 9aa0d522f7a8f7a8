"""The audit: what tells the classes of a set apart besides the codec."""
