"""payOS: payment links whose money comes by bank transfer, straight to the body's account."""
