"""What is owed: bills, their lines and references, and the payments made for them."""
