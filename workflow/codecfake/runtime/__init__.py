"""The machine: devices, GPU locks, threads."""
