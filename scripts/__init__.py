"""What the Makefile runs before or around the project itself; standard library only."""
