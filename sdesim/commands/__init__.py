"""The verbs of the command line, a function each; `sdesim.commands.verbs` puts them together."""
