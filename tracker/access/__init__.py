"""Who may do what: accounts, tokens, workspaces, repositories and the trackers in them."""
