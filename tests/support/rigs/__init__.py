"""One rig for each registered adapter: the other side of its wire, under the test's control."""
