"""What the rooms above know and a body's set-up is held against: procedures, and gateways."""

from adapters.registry import check_credentials
from payments.agencies.changes import Knowledge
from payments.catalogue.queries import known_procedures

KNOWLEDGE = Knowledge(procedures=known_procedures, credentials=check_credentials)
