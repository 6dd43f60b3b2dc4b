"""PayGov, as one provincial LGSP profile speaks it."""
