"""What is owed, and each attempt to pay it."""
