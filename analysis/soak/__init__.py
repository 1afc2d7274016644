"""Mixed work for half an hour, with faults put in: nothing lost, nothing silently wrong, no memory kept."""
