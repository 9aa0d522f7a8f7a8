"""A finished run as a data set to publish."""
