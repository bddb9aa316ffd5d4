"""The aiohttp service: API, live stream, metrics and health."""
