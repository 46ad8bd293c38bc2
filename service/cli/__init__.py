"""The `pail` command: starts Pail, administers it, imports and exports issues."""
