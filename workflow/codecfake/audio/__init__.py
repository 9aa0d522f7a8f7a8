"""Audio: files and samples, and what can be measured of a signal."""
