"""C-06: where AI programs shall post to, as the XML file and as the variables that they read."""

from __future__ import annotations

from xml.sax.saxutils import escape

from exporters.bridge.posts import USAGE
from exporters.device.server import Endpoint


def as_xml(advertise: Endpoint) -> str:
    """``edgeconfig.xml`` with this address."""
    path = USAGE.removeprefix("/")
    inside = f"<IP>{escape(advertise.host)}</IP><Port>{advertise.port}</Port><Path>{path}</Path>"
    return f"<Configuration><vms>{inside}</vms></Configuration>\n"


def as_environment(advertise: Endpoint) -> str:
    """The same as the lines of a ConfigMap: host and port, as in the XML."""
    return f"VMS_URL={advertise.host}\nVMS_PORT={advertise.port}\n"
