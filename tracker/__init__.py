"""What an issue tracker is; knows neither HTTP nor a queue."""
