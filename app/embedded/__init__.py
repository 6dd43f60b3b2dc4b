"""The embedded PostgreSQL of the demo and the tests, owned by one supervisor."""
