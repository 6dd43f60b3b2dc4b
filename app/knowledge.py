"""What the rooms above know and a body's set-up is held against: procedures, and gateways."""

from collections.abc import Mapping

from adapters import registry
from core.errors import FieldError
from payments.agencies.changes import Knowledge
from payments.catalogue.queries import known_procedures


def check_credentials(name: str, credentials: Mapping[str, str]) -> list[FieldError]:
    """What is wrong with an account's credentials, as fields of a request that has them."""
    return [
        FieldError(f"credentials.{fault.field}", fault.code, fault.detail)
        for fault in registry.check_credentials(name, credentials)
    ]


KNOWLEDGE = Knowledge(procedures=known_procedures, credentials=check_credentials)
