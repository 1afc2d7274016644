"""Two commands on one folder at random moments: one writes, the other is told in a line, no bit is broken."""
