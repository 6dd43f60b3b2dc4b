"""Everything beyond our walls: gateways, bank feeds, QR dialects, keys."""
