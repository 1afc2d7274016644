"""Reading a training by hooks alone, from the gradients that it computes anyway."""
