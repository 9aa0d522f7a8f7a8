"""The command line: one module per verb, its docstring the help, `add_options` its options, `run` what it does."""
