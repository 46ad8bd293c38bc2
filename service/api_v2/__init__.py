"""API 2.0, whole."""
