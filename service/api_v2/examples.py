"""Examples of bodies by operation of API 2.0; a test holds them against the schemas."""

from typing import Any

BODIES: dict[str, dict[str, Any]] = {
    "create_issue": {
        "title alone": {"value": {"title": "The lid does not close"}},
        "more": {
            "value": {
                "title": "The lid does not close",
                "content": {"raw": "It stays open **by a finger**.", "markup": "markdown"},
                "kind": "bug",
                "priority": "critical",
                "component": {"name": "Lid"},
            }
        },
    },
    "update_issue": {
        "resolve it": {"value": {"state": "resolved"}},
        "give it to nobody": {"value": {"assignee": None}},
    },
    "create_comment": {"a comment": {"value": {"content": {"raw": "I see that, too."}}}},
    "update_comment": {"a comment": {"value": {"content": {"raw": "I saw that, too."}}}},
    "create_change": {
        "with a message": {
            "value": {
                "changes": {"state": {"new": "resolved"}},
                "message": {"raw": "It closes again."},
            }
        }
    },
    "start_export": {"without files": {"value": {"include_attachments": False}}},
}
