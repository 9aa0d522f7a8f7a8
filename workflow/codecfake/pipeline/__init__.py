"""What Snakemake and DVC need: the config, the paths of a run, stages and records."""
