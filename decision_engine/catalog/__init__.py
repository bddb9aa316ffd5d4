"""What exists: devices, clusters, cameras, packages, versions and workloads, as declared."""
