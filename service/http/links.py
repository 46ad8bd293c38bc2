"""The addresses that every face shares; a dialect makes its own where it shows things."""

from aiohttp import web

BASE_URL = web.RequestKey("base_url", str)
"""What every link of the answer starts with, without a slash at its end."""

AVATAR = "/avatar/%7B{}%7D.svg"
"""The picture of a person, a workspace or a repository; format() it with a UUID without braces."""
