"""The `pail` command: administration, imports and exports, and what starts Pail."""
