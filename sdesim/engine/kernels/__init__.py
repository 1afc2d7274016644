"""The compiled time loop, and the code generation that puts surface, noises and scheme into it."""
