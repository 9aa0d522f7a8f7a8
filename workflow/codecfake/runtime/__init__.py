"""Hardware: devices, GPU locks, threads."""
