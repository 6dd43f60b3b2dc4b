"""The key that receipts are signed with: in files of its own folder, or on a token."""
