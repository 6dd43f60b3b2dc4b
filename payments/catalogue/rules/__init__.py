"""What a fee is and what it costs: pure rules over frozen values."""
