"""The only door in: signals, the Prometheus client, history and the snapshot."""
