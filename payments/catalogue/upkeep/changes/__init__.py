"""What will change in a schedule, and when."""
