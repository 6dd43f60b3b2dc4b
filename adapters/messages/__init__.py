"""Providers of messages: SMS over HTTP, Zalo's notifications, e-mail; see `senders`."""
