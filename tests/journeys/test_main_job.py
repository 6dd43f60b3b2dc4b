"""The main job over real HTTP: a bill, its QR, three ways to pay, receipts, the day's end."""

import csv
import io
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import zxingcpp
from PIL import Image

from adapters.keystore.files import CHAIN
from app.seed.agency import DEMO_ACCOUNT
from core import clock
from core.clock import VIETNAM
from core.references import new_reference
from tests.support.gateway_setups import PAYING, GatewaySetup
from tests.support.machine import needs
from tests.support.staff import finance_office
from tests.support.statements import reconcile, release, take_statement
from tests.support.system import System

#: What a citizen does on a gateway's page goes through each gateway that the tests know.
through_each_gateway = pytest.mark.parametrize(
    "gateway", PAYING, ids=[setup.name for setup in PAYING]
)


async def scan(system: System, url: str) -> str:
    """What a phone reads in the picture at an address."""
    answer = await system.browser.get(url)
    assert answer.status_code == 200
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(answer.content)))
    assert len(found) == 1
    text: str = found[0].text
    return text


def refused_by(tool: str, *command: str) -> bool:
    """Whether a tool of the system refuses a signature."""
    done = subprocess.run([tool, *command], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    return done.returncode != 0 or ("Signature Validation:" in said and "is Valid" not in said)


async def files_of(system: System, receipt: dict[str, Any], folder: Path) -> tuple[Path, Path]:
    """A receipt's XML and PDF, fetched as a citizen does."""
    paths = folder / "receipt.xml", folder / "receipt.pdf"
    for path, url in zip(paths, (receipt["xml_url"], receipt["pdf_url"]), strict=True):
        answer = await system.browser.get(url)
        assert answer.status_code == 200
        path.write_bytes(answer.content)
    return paths


def with_one_byte_changed(path: Path, inside: bytes) -> Path:
    """A copy of a file that says one thing differently."""
    content = path.read_bytes()
    place = content.index(inside)
    other = path.with_name("changed" + path.suffix)
    other.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    return other


@dataclass
class Paid:
    """The three bills of the journey's day, and what the sandbox's bank calls their money."""

    by_gateway: dict[str, Any]
    by_transfer: dict[str, Any]
    poster_payload: str


async def pay_three_ways(system: System, gateway: GatewaySetup) -> Paid:
    """A bill on the gateway's page, a bill by bank transfer, a poster's QR without any bill."""
    first = await system.create_bill()
    assert first["amount"] == 5000
    await system.decide(await system.start(first, gateway), "success")
    second = await system.create_bill(lines=[{"fee": "2.000884", "quantity": 2}])
    payload = await scan(system, second["qr"]["png_url"])
    assert payload == second["qr"]["payload"]
    memo = second["reference"].lower()
    narrative = f"MBVCB.771.{memo[:6]} {memo[6:]}.CT tu 0011 NGUYEN VAN AN toi DEMO"
    assert (await system.transfer(payload, second["amount"], narrative)).status_code == 200
    poster = await scan(system, f"/p/{system.body.agency_code}/2.000884/qr.png")
    static = poster[poster.index("LP") : poster.index("LP") + 14]
    assert (await system.transfer(poster, 10_000, f"nop le phi {static}")).status_code == 200
    first = await system.until(first, "paid")
    second = await system.until(second, "paid")
    return Paid(first, second, poster)


def statement_of(system: System, gateway: GatewaySetup, paid: Paid) -> bytes:
    """The treasury's statement of the day: our money, somebody else's, and the evening sweep."""
    now = clock.now().astimezone(VIETNAM).isoformat(timespec="seconds")
    rows = [
        (now, movement.amount, "credit", movement.narrative, movement.reference_code)
        for movement in system.sandbox.store.movements
    ]
    reference = paid.by_gateway["reference"]
    said = f"{gateway.name.upper()} thanh toan {reference[:7]} {reference[7:]}"
    rows.append((now, 5000, "credit", said, "PG1"))
    rows.append((now, 70_000, "credit", "CHUYEN TIEN NHA", "FT-STRANGER"))
    rows.append((now, 99_000, "credit", f"nop {new_reference()}", "FT-UNKNOWN"))
    rows.append((now, 194_000, "debit", "KET CHUYEN CUOI NGAY", "SWEEP"))
    out = io.StringIO()
    writer = csv.writer(out)
    columns = ("line_id", "booked_at", "amount", "direction", "reference", "narrative", "bank_ref")
    writer.writerow(columns)
    for number, (at, amount, direction, narrative, bank_ref) in enumerate(rows, 1):
        writer.writerow((f"L{number}", at, amount, direction, "", narrative, bank_ref))
    return out.getvalue().encode()


async def upload(system: System, content: bytes, name: str, key: str) -> httpx2.Response:
    return await system.office.post(
        "/api/v1/statements",
        files={"file": (name, content, "text/csv")},
        data={"account": system.body.collection_code, "mapping": "lephi-basic"},
        headers={"Idempotency-Key": key},
    )


async def reconcile_today(system: System, key: str) -> dict[str, Any]:
    body = {
        "agency": system.body.agency_code,
        "account": system.body.collection_code,
        "date": clock.business_date(clock.now()).isoformat(),
    }
    answer = await system.post("/api/v1/reconciliations", body, key, system.office)
    assert answer.status_code == 201, answer.text
    run: dict[str, Any] = answer.json()
    return run


@pytest.mark.timeout(180)
@through_each_gateway
async def test_a_day_from_the_first_bill_to_the_treasurys_statement(
    system: System, gateway: GatewaySetup
) -> None:
    paid = await pay_three_ways(system, gateway)
    await system.work()

    # Three receipts, 1 to 3, one of them for the bill that the poster's money opened by itself.
    page = (await system.client.get("/api/v1/bills?status=paid")).json()["items"]
    assert len(page) == 3
    receipts = [receipt for bill in page for receipt in bill["receipts"]]
    assert sorted(receipt["number"] for receipt in receipts) == [1, 2, 3]
    assert sorted(bill["amount"] for bill in page) == [5000, 10_000, 20_000]

    # The statement holds each of these credits once more; none of them becomes money again.
    content = statement_of(system, gateway, paid)
    taken = await upload(system, content, "so-phu.csv", "statement-1")
    assert taken.status_code == 201, taken.text
    assert (taken.json()["rows"], taken.json()["new"]) == (6, 6)
    again = await upload(system, content, "another-name.csv", "statement-2")
    assert again.json()["known"] is True
    run = await reconcile_today(system, "run-1")
    # The gateway's money is told of by its settlement, and by no credit under the bill's reference.
    assert run["summary"]["matched"] == {"count": 2, "sum": 30_000}
    assert run["summary"]["with_gateway"] == {"count": 1, "sum": 5000}
    assert run["summary"]["unknown_in_ledger"] == {"count": 3, "sum": 174_000}
    assert run["summary"]["missing_in_ledger"]["count"] == 0
    assert run["summary"]["debits"] == {"count": 1, "sum": 194_000}
    odd = (await system.office.get(f"/api/v1/reconciliations/{run['id']}/discrepancies")).json()
    assert {one["class"] for one in odd["items"]} == {"unknown_in_ledger"}
    second_run = await reconcile_today(system, "run-2")
    assert second_run["summary"] == run["summary"]
    assert len((await system.client.get("/api/v1/bills?status=paid")).json()["items"]) == 3
    assert await system.broken() == []


@pytest.mark.timeout(120)
async def test_the_receipts_files_are_accepted_by_other_tools_and_refused_when_changed(
    system: System, tmp_path: Path
) -> None:
    xmlsec1, pdfsig = needs("xmlsec1"), needs("poppler-utils")
    bill = await system.create_bill()
    await system.decide(await system.start(bill), "success")
    await system.until(bill, "paid")
    await system.work()
    (receipt,) = (await system.read(bill))["receipts"]
    xml, pdf = await files_of(system, receipt, tmp_path)
    chain = str(system.parts.settings.signing_dir / CHAIN)
    verify = ("--verify", "--id-attr:Id", "DLBLai", "--trusted-pem", chain)
    assert not refused_by(xmlsec1, *verify, str(xml))
    assert refused_by(xmlsec1, *verify, str(with_one_byte_changed(xml, b"5000")))
    assert not refused_by(pdfsig, "-nocert", str(pdf))
    assert refused_by(pdfsig, "-nocert", str(with_one_byte_changed(pdf, b"MediaBox")))
    check = await system.browser.get(receipt["check_url"])
    assert check.status_code == 200
    assert "26TAA" in check.text


async def test_a_credit_that_only_the_statement_tells_of_waits_and_the_feed_settles_its_bill(
    system: System,
) -> None:
    bill = await system.create_bill()
    now = clock.now().astimezone(VIETNAM).isoformat(timespec="seconds")
    header = "line_id,booked_at,amount,direction,reference,narrative,bank_ref\n"
    content = header + f"L1,{now},5000,credit,,tt {bill['reference']} ok,FT-LOST\n"
    assert (await upload(system, content.encode(), "so-phu.csv", "s1")).status_code == 201
    run = await reconcile_today(system, "r1")
    assert run["summary"]["matched"] == {"count": 1, "sum": 5000}
    assert (await system.read(bill))["status"] == "open"
    # The bank's own notice comes late: the same reference is the same money, and two tell of it.
    state = system.sandbox
    state.bank.transfer(DEMO_ACCOUNT, 5000, bill["reference"], reference_code="FT-LOST")
    await system.told()
    paid = await system.read(bill)
    assert (paid["status"], len(paid["payments"])) == ("paid", 1)
    assert await system.broken() == []


async def test_what_only_the_statement_tells_of_settles_when_two_people_release_it(
    system: System,
) -> None:
    bills = [await system.create_bill() for _ in range(2)]
    told = [f"5000|credit|tt {bill['reference']} ok|FT26LOST{n}" for n, bill in enumerate(bills)]
    statement = await take_statement(system, *told)
    assert (await reconcile(system))["summary"]["matched"] == {"count": 2, "sum": 10_000}
    assert [(await system.read(bill))["status"] for bill in bills] == ["open"] * 2
    await release(system, statement)
    await system.work()
    for bill in bills:
        paid = await system.read(bill)
        assert (paid["status"], len(paid["receipts"])) == ("paid", 1)
    assert (await reconcile(system))["summary"]["matched"] == {"count": 2, "sum": 10_000}
    office = await finance_office(system)
    again = await office.post(f"/statements/{statement['id']}/release", {"reason": "lần nữa"})
    assert again.json()["code"] == "nothing_to_release"
    assert await system.broken() == []


async def test_a_statement_with_a_bad_row_is_refused_whole(system: System) -> None:
    now = clock.now().astimezone(VIETNAM).isoformat(timespec="seconds")
    header = "line_id,booked_at,amount,direction,reference,narrative,bank_ref\n"
    rows = f"L1,{now},5000,credit,,a,FT1\nL2,{now},1E+06,credit,,b,FT2\n"
    answer = await upload(system, (header + rows).encode(), "so-phu.csv", "s1")
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "statement_refused"
    assert [fault["field"] for fault in problem["errors"]] == ["row 3, column amount"]
    run = await reconcile_today(system, "r1")
    assert all(tally["count"] == 0 for tally in run["summary"].values())
