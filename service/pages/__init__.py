"""HTML for people, and what else browsers and git ask for outside the APIs."""
