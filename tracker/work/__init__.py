"""What is done in the background: rows of jobs, signs of life, and what is swept up or checked."""
