"""Public bodies, and their accounts at banks, gateways and the treasury."""
