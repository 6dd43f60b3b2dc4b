"""The running thing: wiring, processes, pages, migrations."""
