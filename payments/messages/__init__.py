"""Messages to payers: what waits to be sent, through which channels of a body, and what was."""
