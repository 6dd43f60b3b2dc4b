"""What docs/webhooks.md gives to check a call with, in three languages, run as it stands there.

Each is asked about a call that is ours and about every way to be another's; what one of them takes
or refuses, the library of Standard Webhooks does too.
"""

import base64
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from payments.webhooks.rules import MessageContent, headers_of, written_secret
from tests.architecture.source import ROOT

PAGE = (ROOT / "docs" / "webhooks.md").read_text("utf-8")
SECRET, OTHER = bytes(range(32)), bytes(range(1, 33))
Call = tuple[Mapping[str, str], bytes]

_PYTHON = """
import base64, json, sys
sys.path.insert(0, ".")
from verify import verify
asked = json.load(sys.stdin)
print(json.dumps([verify(asked["secret"], h, base64.b64decode(b)) for h, b in asked["calls"]]))
"""
_NODE = """
import { verify } from "./verify.mjs";
import { readFileSync } from "node:fs";
const asked = JSON.parse(readFileSync(0));
console.log(JSON.stringify(
  asked.calls.map(([h, b]) => verify(asked.secret, h, Buffer.from(b, "base64")))));
"""
_PHP = """<?php
require './verify.php';
$asked = json_decode(file_get_contents('php://stdin'), true);
$said = [];
foreach ($asked['calls'] as [$headers, $body]) {
    $said[] = verify($asked['secret'], $headers, base64_decode($body));
}
echo json_encode($said);
"""
#: Language → its snippet's file, the program that asks it, and what runs that.
LANGUAGES = {
    "python": ("verify.py", "ask.py", _PYTHON, sys.executable),
    "js": ("verify.mjs", "ask.mjs", _NODE, "node"),
    "php": ("verify.php", "ask.php", _PHP, "php"),
}


def snippet(language: str) -> str:
    (code,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(code)


def calls() -> tuple[list[Call], list[Call]]:
    """Calls that are ours, and calls that are not."""
    now = datetime.now(UTC)
    body = MessageContent("msg_1", 7, "bill.paid", 1, "bill_ắ", now).body()
    good = headers_of("msg_1", body, now, [SECRET])
    signature = good["webhook-signature"]

    def like(**changes: str) -> dict[str, str]:
        return good | {name.replace("_", "-"): value for name, value in changes.items()}

    ours: list[Call] = [
        (good, body),
        (headers_of("msg_1", body, now, [OTHER, SECRET]), body),
        (headers_of("msg_1", body, now, [SECRET, OTHER]), body),
        (headers_of("msg_1", body, now - timedelta(seconds=290), [SECRET]), body),
    ]
    others: list[Call] = [
        (good, body + b" "),
        (good, body.replace(b"bill_", b"bi11_")),
        (like(webhook_id="msg_2"), body),
        (like(webhook_timestamp=str(int(time.time()) - 1)), body),
        (like(webhook_signature=signature.replace("v1,", "v2,")), body),
        (like(webhook_signature="v1,"), body),
        (like(webhook_signature="v1," + base64.b64encode(bytes(32)).decode()), body),
        (headers_of("msg_1", body, now, [OTHER]), body),
        (headers_of("msg_1", body, now - timedelta(seconds=320), [SECRET]), body),
        (headers_of("msg_1", body, now + timedelta(seconds=320), [SECRET]), body),
        (like(webhook_timestamp="soon"), body),
    ]
    return ours, others


def run(language: str, folder: Path, asked: list[Call], code: str | None = None) -> list[bool]:
    """What the page's snippet says of each call."""
    name, asker, program, runner = LANGUAGES[language]
    if shutil.which(runner) is None:
        pytest.skip(f"{runner} is not here: scripts/system_packages.py installs it")
    (folder / name).write_text(code or snippet(language), "utf-8")
    (folder / asker).write_text(program, "utf-8")
    told = {
        "secret": written_secret(SECRET),
        "calls": [(headers, base64.b64encode(body).decode()) for headers, body in asked],
    }
    done = subprocess.run(
        [runner, asker],
        input=json.dumps(told).encode(),
        capture_output=True,
        check=False,
        cwd=folder,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    said: list[bool] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_snippet_takes_what_is_ours_and_nothing_else(language: str, tmp_path: Path) -> None:
    ours, others = calls()
    assert run(language, tmp_path, [*ours, *others]) == [True] * len(ours) + [False] * len(others)


@pytest.mark.parametrize(
    ("language", "sound", "broken"),
    [
        ("python", "> 300", "> 3000"),
        ("js", 'version === "v1"', "true"),
        ("php", "hash_equals($wanted, $given)", "str_starts_with($given, 'v1,')"),
    ],
)
def test_a_snippet_that_is_broken_is_caught(
    language: str, sound: str, broken: str, tmp_path: Path
) -> None:
    """The negative control."""
    _, others = calls()
    code = snippet(language).replace(sound, broken)
    assert code != snippet(language)
    assert any(run(language, tmp_path, others, code))


def verified(headers: Mapping[str, str], body: bytes) -> bool:
    try:
        Webhook(written_secret(SECRET)).verify(body, dict(headers))
    except WebhookVerificationError:
        return False
    return True


@pytest.mark.parametrize("judge", [verified])
def test_the_library_of_standard_webhooks_says_the_same(
    judge: Callable[[Mapping[str, str], bytes], bool],
) -> None:
    """An implementation that is not ours: `standardwebhooks` of PyPI."""
    ours, others = calls()
    assert all(judge(*one) for one in ours)
    assert not any(judge(*one) for one in others)
    body = ours[0][1]
    at = datetime.fromtimestamp(int(ours[0][0]["webhook-timestamp"]), UTC)
    signed = Webhook(written_secret(SECRET)).sign("msg_1", at, body.decode())
    assert signed == ours[0][0]["webhook-signature"]
