"""The device exporter for any Linux machine: procfs and sysfs readers and their collector."""
