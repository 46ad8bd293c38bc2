"""Examples of bodies by operation of API 1.0; a test holds them against the schemas."""

from typing import Any

BODIES: dict[str, dict[str, Any]] = {
    "create_issue": {
        "title alone": {"value": {"title": "The lid does not close"}},
        "more": {
            "value": {
                "title": "The lid does not close",
                "content": "It stays open **by a finger**.",
                "kind": "bug",
                "priority": "critical",
                "component": "Lid",
            }
        },
    },
    "update_issue": {
        "resolve it": {"value": {"status": "resolved"}},
        "give it to nobody": {"value": {"responsible": ""}},
    },
    "create_comment": {"a comment": {"value": {"content": "I see that, too."}}},
    "update_comment": {"a comment": {"value": {"content": "I saw that, too."}}},
}
