"""What is done in the background: jobs, liveness of workers, sweeping and checking."""
