"""How gateways lay out the files in which they say what they pay over: data, `layouts.toml`."""
