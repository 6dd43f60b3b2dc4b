"""An OpenID Connect provider over real HTTP, as strict as the standard asks, and as bad as told.

It knows one client and one person who is signed on already. `spoil` makes one thing of an answer
wrong, for the tests that see it refused.
"""

import base64
import contextlib
import hashlib
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from adapters.sandbox.engine.embedded import bound, served

CLIENT, SECRET = "lephi", "secret of the client, with : and %"


@dataclass(slots=True)
class Provider:
    """What the provider knows, and what it was asked."""

    issuer: str
    email: str = "can-bo@example.vn"
    spoil: str = ""
    key: RSAKey = field(default_factory=lambda: _key("one"))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    redirect_uri: str = ""
    exchanged: int = 0

    def claims(self, asked: dict[str, str]) -> dict[str, Any]:
        """What it says of the person, spoilt as told."""
        now = int(time.time())
        told: dict[str, Any] = {
            "iss": self.issuer,
            "sub": "person-1",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "email": self.email,
            "email_verified": True,
        }
        spoilt: dict[str, dict[str, Any]] = {
            "issuer": {"iss": f"{self.issuer}/other"},
            "audience": {"aud": "somebody-else"},
            "audiences": {"aud": [CLIENT, "somebody-else"]},
            "party": {"azp": "somebody-else"},
            "nonce": {"nonce": "another"},
            "expired": {"iat": now - 900, "exp": now - 600},
            "ahead": {"iat": now + 600, "exp": now + 900},
            "unverified": {"email_verified": False},
            "verified in words": {"email_verified": "true"},
            "no address": {"email": None},
        }
        told |= spoilt.get(self.spoil, {})
        return {name: value for name, value in told.items() if self.spoil != f"no {name}"}

    def token(self, claims: dict[str, Any]) -> str:
        """An ID token of these claims, signed as told."""
        public = self.key.as_pem(private=False)
        if self.spoil == "another key":
            return jwt.encode({"alg": "RS256", "kid": "one"}, claims, _key("one"))
        if self.spoil == "public key as a secret":
            secret = OctKey.import_key(public, {"kid": "one"})
            return jwt.encode({"alg": "HS256", "kid": "one"}, claims, secret, ["HS256"])
        if self.spoil == "unsigned":
            return jwt.encode({"alg": "none"}, claims, OctKey.generate_key(256), ["none"])
        made = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        if self.spoil == "changed":
            head, body, signature = made.split(".")
            return f"{head}.{body[:-2]}{'AA' if body[-2:] != 'AA' else 'BB'}.{signature}"
        return made


def _key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


def application(provider: Provider) -> FastAPI:
    """The provider's addresses."""
    app = FastAPI(openapi_url=None)

    @app.get("/.well-known/openid-configuration")
    async def discovery() -> dict[str, object]:
        base = provider.issuer
        told: dict[str, object] = {
            "authorization_response_iss_parameter_supported": True,
            "issuer": f"{base}/other" if provider.spoil == "document" else base,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "jwks_uri": f"{base}/keys",
        }
        if provider.spoil == "plain":
            told["authorization_endpoint"] = "http://provider.example.vn/authorize"
        return told

    @app.get("/keys")
    async def keys() -> dict[str, Any]:
        return {"keys": [provider.key.as_dict(private=False)]}

    @app.get("/authorize")
    async def authorize(request: Request) -> Response:
        asked = dict(request.query_params)
        right = (
            asked.get("response_type") == "code"
            and asked.get("client_id") == CLIENT
            and asked.get("code_challenge_method") == "S256"
            and "openid" in asked.get("scope", "").split()
            and asked.get("redirect_uri") == provider.redirect_uri
        )
        if not right:
            return JSONResponse({"error": "invalid_request"}, 400)
        code = secrets.token_urlsafe(20)
        provider.codes[code] = asked
        told = {"code": code, "state": asked["state"], "iss": provider.issuer}
        if provider.spoil == "iss":
            told["iss"] = "https://mixed-up.example.vn"
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(told)}", 302)

    @app.post("/token")
    async def token(request: Request) -> Response:
        form = await request.form()
        provider.exchanged += 1
        # A code is good once, right or wrong.
        asked = provider.codes.pop(str(form.get("code")), None)
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        name, _, secret = base64.b64decode(given).decode().partition(":")
        digest = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        right = (
            scheme == "Basic"
            and (unquote(name), unquote(secret)) == (CLIENT, SECRET)
            and form.get("grant_type") == "authorization_code"
            and asked is not None
            and challenge == asked["code_challenge"]
            and form.get("redirect_uri") == asked["redirect_uri"]
        )
        if not right or asked is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        told = {"token_type": "Bearer", "access_token": "x", "expires_in": 300}
        return JSONResponse(told | {"id_token": provider.token(provider.claims(asked))})

    return app


@contextlib.asynccontextmanager
async def provider_at(redirect_uri: str) -> AsyncIterator[Provider]:
    """A provider behind a real port, that leads back to one address alone."""
    with bound() as listening:
        listening.listen()
        provider = Provider(f"http://127.0.0.1:{listening.getsockname()[1]}")
        provider.redirect_uri = redirect_uri
        async with served(application(provider), listening):
            yield provider
