"""What a watched training's shop sells: one file each."""
