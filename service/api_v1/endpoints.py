"""Everything that API 1.0 answers."""

from service import openapi
from service.api_v1 import categories, comments, exports, followers, issues, people, repositories

ENDPOINTS = (
    *issues.ENDPOINTS,
    *comments.ENDPOINTS,
    *followers.ENDPOINTS,
    *categories.ENDPOINTS,
    *repositories.ENDPOINTS,
    *people.ENDPOINTS,
    *exports.ENDPOINTS,
    *openapi.ENDPOINTS,
)
