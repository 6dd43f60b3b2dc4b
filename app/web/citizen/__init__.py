"""The pages of a citizen: a procedure, a bill, a receipt."""
