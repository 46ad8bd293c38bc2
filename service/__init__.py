"""The HTTP face of Pail, and its command line."""
