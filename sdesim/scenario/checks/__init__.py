"""What the types of a scenario's fields can't tell: names, shapes and sizes against one another."""
