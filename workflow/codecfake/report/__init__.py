"""The HTML report and the samples page."""
