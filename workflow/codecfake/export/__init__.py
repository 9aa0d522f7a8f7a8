"""Export of a finished run as a data set to publish."""
