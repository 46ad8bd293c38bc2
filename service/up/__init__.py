"""`pail up`: runs queue, web and worker on one machine as children of one supervisor."""
