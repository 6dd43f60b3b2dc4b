"""Where each đồng is: allocation, posting, ledger, credits, suspense."""
