"""Recording a training: the recipe, the loop, checkpoints and what variants of SGD need."""
