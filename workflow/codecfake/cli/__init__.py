"""The command line: one module per verb; its docstring is the help, `add_options` adds options, `run` does the work."""
