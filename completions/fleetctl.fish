complete --keep-order --exclusive --command fleetctl --arguments "(FLEETCTL_COMPLETE=fish fleetctl -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
