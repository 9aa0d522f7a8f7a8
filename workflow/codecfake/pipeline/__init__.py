"""Support for Snakemake and DVC: the config, the paths of a run, stages and records."""
