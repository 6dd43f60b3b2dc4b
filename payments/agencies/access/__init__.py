"""Who may do what: staff and their roles, API keys and their scopes, and the table of rights."""
