"""What a gateway says of its money: settlement files, their versions, and batches paid over."""
