"""API 1.0, whole: the older dialect of the same tracker."""
