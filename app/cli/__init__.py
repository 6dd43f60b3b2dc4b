"""The command line `lephi`: one module for each family of commands."""
