"""What every package stands on: money, ids, references, time, the database, the outbox, problems."""
