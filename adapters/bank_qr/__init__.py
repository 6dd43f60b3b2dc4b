"""VietQR: the NAPAS dialect of EMVCo merchant-presented QR codes."""
