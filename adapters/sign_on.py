"""A body's own sign-on, asked by OpenID Connect: authorisation code with PKCE, nothing else.

What the provider says is believed as far as OpenID Connect Core 1.0, section 3.1.3.7 goes: its
issuer's own document names the addresses; the code is exchanged by us, over a verified connection;
the ID token is signed by one of the provider's keys (asymmetric algorithms alone), was issued by
it, for us, for this very attempt (`nonce`), and is in force. An e-mail address counts if the
provider says that it has verified it. Nothing of a token is put into an exception or a log.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from adapters.http import GatewayHttp
from core import clock
from core.errors import Unavailable
from payments.ports import GatewayMisuse, GatewayUnavailable, OutcomeUnknown

_DISCOVERY: Final = "/.well-known/openid-configuration"
_ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
#: How far the provider's clock may be from ours, in seconds.
_LEEWAY: Final = 60
_SCOPES: Final = "openid email"
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


class SignOnFailed(Unavailable):
    """The body's sign-on gave no answer that can be believed: sign in again, or by password."""

    code = "sign_on_failed"


@dataclass(frozen=True, slots=True)
class SignOnClient:
    """What we are to a provider: its address, and the name and secret that it gave us."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignOnAttempt:
    """What binds an answer to the browser that asked; each a random text used once."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)

    @property
    def challenge(self) -> str:
        """What the provider is shown of the verifier (RFC 7636, S256)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class _Addresses:
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    #: whether its answers always say whose they are (RFC 9207)
    names_itself: bool = False


async def authorisation_address(
    client: SignOnClient, attempt: SignOnAttempt, redirect_uri: str
) -> str:
    """Where the browser is sent to sign on. Raises `SignOnFailed`."""
    found = await _discover(client)
    asked = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": redirect_uri,
        "scope": _SCOPES,
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": attempt.challenge,
        "code_challenge_method": "S256",
    }
    joint = "&" if urlsplit(found.authorization_endpoint).query else "?"
    return f"{found.authorization_endpoint}{joint}{urlencode(asked)}"


async def signed_on_email(
    client: SignOnClient, attempt: SignOnAttempt, code: str, redirect_uri: str, iss: str | None
) -> str:
    """The verified e-mail address of whoever signed on. Raises `SignOnFailed`.

    `iss` is whose answer it is said to be, None where it does not say: a provider that always says
    so has not given one that is silent, and a code of its is shown to no other (RFC 9207).
    """
    if iss not in (None, client.issuer):
        raise SignOnFailed("the answer is another issuer's")
    found = await _discover(client)
    if iss is None and found.names_itself:
        raise SignOnFailed("the answer does not say whose it is")
    token = await _exchange(client, found, attempt, code, redirect_uri)
    keys = await _ask(found.jwks_uri)
    claims = _claims(client, attempt, token, keys)
    email = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(email, str):
        raise SignOnFailed("the provider has not verified an e-mail address")
    return email


async def _discover(client: SignOnClient) -> _Addresses:
    document = await _ask(client.issuer.rstrip("/") + _DISCOVERY)
    if document.get("issuer") != client.issuer:
        raise SignOnFailed("the provider's document is another issuer's")
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    if not all(isinstance(document.get(name), str) for name in names):
        raise SignOnFailed("the provider's document lacks an address")
    names_itself = document.get("authorization_response_iss_parameter_supported") is True
    authorise, token, keys = (document[name] for name in names)
    found = _Addresses(authorise, token, keys, names_itself)
    # The browser is sent there, so it is held against the rule that our own calls are held to.
    _split(found.authorization_endpoint)
    return found


async def _exchange(
    client: SignOnClient,
    found: _Addresses,
    attempt: SignOnAttempt,
    code: str,
    redirect_uri: str,
) -> str:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": attempt.verifier,
    }
    names = f"{quote(client.client_id, safe='')}:{quote(client.client_secret, safe='')}"
    basic = base64.b64encode(names.encode()).decode()
    headers = {**_FORM, "Authorization": f"Basic {basic}", "Accept": "application/json"}
    document = await _ask(found.token_endpoint, urlencode(form).encode(), headers)
    token = document.get("id_token")
    if not isinstance(token, str):
        raise SignOnFailed("the provider gave no ID token")
    return token


def _claims(
    client: SignOnClient, attempt: SignOnAttempt, token: str, keys: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The claims of an ID token that is right in every way. Raises `SignOnFailed`."""
    registry = jwt.JWTClaimsRegistry(
        now=int(clock.now().timestamp()),
        leeway=_LEEWAY,
        iss={"essential": True, "value": client.issuer},
        aud={"essential": True, "value": client.client_id},
        nonce={"essential": True, "value": attempt.nonce},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        decoded = jwt.decode(token, KeySet.import_key_set(dict(keys)), algorithms=_ALGORITHMS)  # type: ignore[arg-type]  # checked by the library
        registry.validate(decoded.claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise SignOnFailed(f"the ID token is not right: {type(error).__name__}") from None
    audience = decoded.claims["aud"]
    several = isinstance(audience, list) and len(audience) > 1
    if (several or "azp" in decoded.claims) and decoded.claims.get("azp") != client.client_id:
        raise SignOnFailed("the ID token is for somebody else")
    return decoded.claims


async def _ask(
    address: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Mapping[str, Any]:
    """What is answered at an address, as JSON. Raises `SignOnFailed`."""
    base, path = _split(address)
    http = GatewayHttp(base, total_deadline=10.0, attempts=1)
    try:
        if body is None:
            answer = await http.get(path, {"Accept": "application/json"})
        else:
            # A code is good for one exchange, so nothing is sent twice.
            answer = await http.post_form(path, body, headers or {})
    except (GatewayUnavailable, OutcomeUnknown, GatewayMisuse) as error:
        raise SignOnFailed(f"the provider does not answer: {error.code}") from None
    finally:
        await http.aclose()
    if not answer.ok or not isinstance(answer.document, dict):
        raise SignOnFailed(f"the provider answers {answer.status}")
    return answer.document


def _split(address: str) -> tuple[str, str]:
    """An address as a base that `GatewayHttp` takes, and the path below it."""
    parts = urlsplit(address)
    loopback = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise SignOnFailed("the provider's addresses must be https")
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return f"{parts.scheme}://{parts.netloc}", path
