"""Notices of bank credits in Casso's webhook dialects, as one collection account's feed.

Facts: Casso's developer pages [C] and clients of it [S]. `version` is which webhook is set there:

* `2` (ours where nothing is said) [C]: `X-Casso-Signature: t=<ms>,v1=<hex>`, HMAC-SHA512 under the
  checksum key over `{t}.` and the JSON written anew: compact, names sorted at every depth. Casso's
  own sample reproduces. [?] How letters beyond ASCII and `/` are written is not said, and programs
  differ: each way is tried. [S] One client writes `s=` for `v1=`: not taken.
* `1` [C]: a static `secure-token` header, several transactions in `data`. A password says nothing
  about the body it came with: such a credit is not signed, and waits until another source tells of
  the same money. Of several transactions all are read or none: where one cannot be, the notice is
  kept and set aside whole. [assumption] At most 100 of them.

Money that went out has an amount below zero. `virtualAccountNumber` (version 1: `virtualAccount`
[M]) is the virtual account that money was sent to [C].
"""

import hashlib
import hmac
import json as plain_json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Final

from adapters.bank_feeds.feed import (
    ACCOUNT_NUMBER,
    OLDEST_MINUTES,
    PREVIOUS_SECRET,
    SECRET,
    BankFeed,
    check_balance,
    integer,
    local_time,
    prose,
)
from adapters.wording import Malformed, amount_of, whole
from payments.gateway_info import CredentialField, GatewayInfo, GatewayKind
from payments.ports import Credit, GatewayAccount, RawCallback

_MOST_AT_ONCE: Final = 100
_SIGNATURE: Final = re.compile(r"t=([0-9]{1,15}),v1=([0-9a-f]{128})")


class CassoFeed(BankFeed):
    """See `payments.ports.NoticeReader`."""

    info: ClassVar[GatewayInfo] = GatewayInfo(
        name="casso",
        title_vi="Báo có ngân hàng (Casso)",
        title_en="Bank credit notices (Casso)",
        kind=GatewayKind.FEED,
        fields=(
            SECRET,
            ACCOUNT_NUMBER,
            PREVIOUS_SECRET,
            OLDEST_MINUTES,
            CredentialField(
                "version",
                "Phiên bản webhook (1 hoặc 2)",
                "Version of the webhook (1 or 2)",
                secret=False,
                required=False,
                pattern="1|2",
            ),
        ),
        verifying_headers=("x-casso-signature", "secure-token"),
    )

    def __init__(self, account: GatewayAccount) -> None:
        super().__init__(account)
        self._signed = (account.credentials.get("version") or "2") == "2"

    def read_credits(self, notice: RawCallback) -> tuple[Credit, ...]:
        """Verify a notice and read every credit in it; raises as `read_notice`."""
        told: list[Credit] = []

        def read(document: Mapping[str, object]) -> None:
            _check_error(document)
            several = [self._v2(document)] if self._signed else self._several(document)
            told.extend(one for one in several if one is not None)

        self._read_as(notice, read)
        return tuple(told)

    def _verify(self, callback: RawCallback) -> None:
        if not self._signed:
            self._check_password(callback.headers.get("secure-token", ""))
            return
        given = _SIGNATURE.fullmatch(callback.headers.get("x-casso-signature", ""))
        if given is None:
            raise self._rejected("no signature of the right form")
        try:
            texts = _written_anew(callback.body)
        except (ValueError, RecursionError):
            raise self._rejected("not JSON") from None
        fits = [
            hmac.compare_digest(
                hmac.new(key, f"{given[1]}.".encode() + text, hashlib.sha512).hexdigest(), given[2]
            )
            for key in self._secrets
            for text in texts
        ]
        if not any(fits):
            raise self._rejected("signature wrong")
        self._check_age(callback, int(given[1]) / 1000)

    def _read(self, document: Mapping[str, object]) -> Credit | None:
        _check_error(document)
        if self._signed:
            return self._v2(document)
        several = self._several(document)
        if len(several) != 1:
            raise Malformed("data: not one transaction")
        return several[0]

    def _v2(self, document: Mapping[str, object]) -> Credit | None:
        data = document.get("data")
        if not isinstance(data, dict):
            raise Malformed("data: not one transaction")
        self._check_account(prose(data, "accountNumber"), "accountNumber")
        check_balance(data, "runningBalance")
        for name in ("bankName", "bankAbbreviation", "counterAccountName"):
            prose(data, name, may_be_absent=True)
        at = local_time(data, "transactionDateTime")
        sent_to = prose(data, "virtualAccountNumber", may_be_absent=True)
        return self._credit(data, prose(data, "reference", may_be_absent=True), at, sent_to)

    def _several(self, document: Mapping[str, object]) -> list[Credit | None]:
        several = document.get("data")
        if not isinstance(several, list) or not 1 <= len(several) <= _MOST_AT_ONCE:
            raise Malformed("data: no list of transactions")
        ids = [one.get("id") if isinstance(one, dict) else None for one in several]
        if len({str(number) for number in ids}) != len(ids):
            raise Malformed("id: one of several is told twice")
        return [self._v1(one) for one in several]

    def _v1(self, data: object) -> Credit | None:
        if not isinstance(data, dict):
            raise Malformed("data: not a transaction")
        self._check_account(prose(data, "subAccId"), "subAccId")
        check_balance(data, "cusum_balance")
        at = local_time(data, "when")
        sent_to = prose(data, "virtualAccount", may_be_absent=True)
        return self._credit(data, prose(data, "tid", may_be_absent=True), at, sent_to)

    def _credit(
        self, data: Mapping[str, object], bank_ref: str, at: datetime, sent_to: str
    ) -> Credit | None:
        feed_ref, narrative = str(whole(data, "id")), prose(data, "description")
        amount = integer(data, "amount")
        if amount < 0:
            amount_of({"amount": -amount}, "amount")
            return None
        return Credit(
            feed_ref=feed_ref,
            bank_ref=bank_ref.strip(),
            account_number=self._account_number,
            amount=amount_of(data, "amount"),
            narrative=narrative,
            credited_at=at,
            signed=self._signed,
            virtual_account=sent_to.strip(),
        )


def _check_error(document: Mapping[str, object]) -> None:
    if document.get("error") != 0:
        raise Malformed("error: not 0")


def _written_anew(body: bytes) -> list[bytes]:
    """The document as programs write it down to sign it: compact, names sorted at every depth.

    It is read loosely here, to try the seal on: never to act upon. Raises ValueError.
    """
    text = body.decode("utf-8", "surrogateescape")
    document = plain_json.loads(text, object_pairs_hook=_unique, strict=False)
    texts = []
    for ascii_only in (False, True):
        text = plain_json.dumps(
            document, ensure_ascii=ascii_only, sort_keys=True, separators=(",", ":")
        )
        texts += [text, text.replace("/", "\\/")]
    return [text.encode("utf-8", "surrogatepass") for text in texts]


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name is given twice")
    return members
