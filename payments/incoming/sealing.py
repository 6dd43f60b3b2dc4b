"""How a notice is kept as it came: encrypted, each value bound to its row."""

import base64
import json
from datetime import datetime

from core.crypto import Cipher
from core.json import canonical
from payments.ports import RawCallback


def content_of(callback_id: str) -> str:
    """What the encryption of a notice's verified value is bound to."""
    return f"callback:{callback_id}:content"


def seal(cipher: Cipher, callback_id: str, raw: RawCallback, headers: tuple[str, ...]) -> bytes:
    """The notice with these of its headers; `open_sealed` gives it back."""
    document = {
        "method": raw.method,
        "path": raw.path,
        "query": raw.query,
        "headers": {name: value for name, value in raw.headers.items() if name in headers},
        "body": base64.b64encode(raw.body).decode(),
        "received_at": raw.received_at.isoformat(),
    }
    return cipher.encrypt(canonical(document), f"callback:{callback_id}")


def open_sealed(cipher: Cipher, callback_id: str, sealed: bytes) -> RawCallback:
    """What `seal` was given, but for the other headers."""
    document = json.loads(cipher.decrypt(sealed, f"callback:{callback_id}"))
    return RawCallback(
        method=document["method"],
        path=document["path"],
        query=document["query"],
        headers=document["headers"],
        body=base64.b64decode(document["body"]),
        received_at=datetime.fromisoformat(document["received_at"]),
    )
