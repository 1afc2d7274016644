"""The verbs of the command line, a function each; `sdesim.cli` puts them together."""
