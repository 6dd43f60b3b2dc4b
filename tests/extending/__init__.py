"""docs/extend.md tells the truth: each step done, each step left out."""
