"""What a bank says of an account: statements read, taken in, released, superseded, withdrawn."""
