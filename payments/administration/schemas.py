"""What administration answers beyond the shapes of what it sets up."""

from pydantic import BaseModel, Field

from payments.books.schemas import ApprovalOut


class ProposedUserOut(BaseModel):
    """A person who waits for somebody's approval; the other half of the password is theirs to tell.

    The whole password is both halves with a hyphen between them.
    """

    approval: ApprovalOut
    password_first_half: str = Field(repr=False)
