"""Who is reminded of what they owe at a market, when, and who wants no reminders."""
