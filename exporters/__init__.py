"""What a device says: exporters that turn sensors and AI programs into Prometheus metrics."""
