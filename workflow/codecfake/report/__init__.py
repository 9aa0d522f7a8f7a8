"""The report and the samples page."""
