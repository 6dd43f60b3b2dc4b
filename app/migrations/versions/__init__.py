"""One module for each step, in order; a step that has shipped never changes."""
