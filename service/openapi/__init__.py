"""Descriptions of the dialects as OpenAPI documents; knows no API."""
