"""Fetch files from the network, a mirror or Debian's archive into a cache."""
