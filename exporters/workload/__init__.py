"""What AI programs say: the publishing helper and the collector that listens to it."""
