"""What every package stands on: money, ids, references, time, database, outbox, problems."""
