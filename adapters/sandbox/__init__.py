"""A gateway and a bank to try things on: real HTTP, their dialects, and lies on demand."""
