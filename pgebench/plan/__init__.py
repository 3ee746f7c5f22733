"""From a config to cells and units; nothing is computed."""
