"""Statements in camt of our own making."""

from typing import Final

ACCOUNT: Final = "0011004567890"
_NAMESPACE: Final = ' xmlns="urn:iso:std:iso:20022:tech:xsd:{}"'
_DAY: Final = "<BookgDt><Dt>2026-11-02</Dt></BookgDt>"
#: Name of the message's body and of its statement.
_BODIES: Final = {
    "camt.053": ("BkToCstmrStmt", "Stmt"),
    "camt.054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
    "camt.052": ("BkToCstmrAcctRpt", "Rpt"),
}


def entry(
    amount: str,
    side: str = "CRDT",
    *details: str,
    status: str = "BOOK",
    currency: str = "VND",
    ref: str = "FT26306001",
    day: str = _DAY,
    more: str = "",
) -> str:
    """An entry of 2/11/2026 with its transactions."""
    inside = f"<NtryDtls>{''.join(details)}</NtryDtls>" if details else ""
    return (
        f'<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd>{more}'
        f"<Sts>{status}</Sts>{day}<AcctSvcrRef>{ref}</AcctSvcrRef>{inside}</Ntry>"
    )


def detail(
    amount: str = "", words: str = "", *, ref: str = "", payer: str = "", ours: str = ""
) -> str:
    """A transaction of an entry."""
    refs = f"<AcctSvcrRef>{ref}</AcctSvcrRef>" if ref else ""
    refs += f"<EndToEndId>{payer}</EndToEndId>" if payer else ""
    said = f'<Amt Ccy="VND">{amount}</Amt>' if amount else ""
    strd = f"<Strd><CdtrRefInf><Ref>{ours}</Ref></CdtrRefInf></Strd>" if ours else ""
    return (
        f"<TxDtls><Refs>{refs}</Refs>{said}<RmtInf><Ustrd>{words}</Ustrd>{strd}</RmtInf></TxDtls>"
    )


def balance(kind: str, amount: str, side: str = "CRDT") -> str:
    """A balance of a statement."""
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="VND">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd></Bal>'
    )


def totals(credits: tuple[int, int], debits: tuple[int, int]) -> str:
    """The summary of a statement: of each side how many entries, and their sum."""
    sides = (("TtlCdtNtries", credits), ("TtlDbtNtries", debits))
    return "".join(
        ["<TxsSummry>"]
        + [f"<{n}><NbOfNtries>{c}</NbOfNtries><Sum>{s}</Sum></{n}>" for n, (c, s) in sides]
        + ["</TxsSummry>"]
    )


def statement(
    *parts: str, account: str = f"<Othr><Id>{ACCOUNT}</Id></Othr>", name: str = "S1"
) -> str:
    """One statement, as it stands in a message."""
    inside = "\n".join(parts)
    return f"<Stmt>\n<Id>{name}</Id>\n<Acct><Id>{account}</Id></Acct>\n{inside}\n</Stmt>\n"


def document(*statements: str, version: str = "camt.053.001.08", namespace: bool = True) -> str:
    """A whole message of a version; `namespace` leaves it without one if false."""
    body, name = _BODIES[version[:8]]
    within = "".join(statements).replace("Stmt>", f"{name}>")
    said = _NAMESPACE.format(version) if namespace else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document{said}><{body}>'
        f"<GrpHdr><MsgId>M1</MsgId></GrpHdr>\n{within}</{body}></Document>\n"
    )
