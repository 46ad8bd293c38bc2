"""Issues in API 1.0."""

from service.endpoint import Endpoint

ENDPOINTS: tuple[Endpoint, ...] = ()
