"""VNPay, version 2.1.0 of its payment page, result calls and questions."""
