"""What a Jetson says in sysfs, procfs and by tegrastats: found by walking, read in place, never written."""
