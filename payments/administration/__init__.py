"""How a body is set up: by one person where it is tried out, by two in production."""
