"""Money back: asked for by one person, approved by another, paid, and seen to be paid."""
