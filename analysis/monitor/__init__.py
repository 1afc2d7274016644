"""What a watched training reads, held against the gradients of every example."""
