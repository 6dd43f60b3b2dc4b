"""What gateways, feeds and statements tell of money: kept, identified, applied."""
