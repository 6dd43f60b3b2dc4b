"""Draws the minutes of a day (biên bản đối chiếu) on A4; unsigned. Pure but for the fonts.

The same content gives the same bytes. Nothing of it is read as markup.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from io import BytesIO
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from core.days import day_text
from receipts.typesetting import (
    ACCENT,
    REGULAR,
    Block,
    beside,
    filled,
    register_fonts,
    space,
    stack,
    text,
)
from reconciliation.closing.minutes_layout import (
    BOTTOM,
    DEMO_STYLE,
    FACT,
    HEIGHT,
    MARGIN,
    NAME,
    NOTE,
    ROOM,
    SIGNER,
    SMALL,
    STRONG,
    TITLE,
    TOP,
    WIDTH,
    TableColumn,
    paged,
    part_title,
    subtitle,
    table,
)
from reconciliation.words import (
    CARRIED,
    CHANNELS,
    CLASSES,
    DEMO,
    RESOLUTIONS,
    SHARES_NOTE,
    SHARES_UNKNOWN,
    balance_words,
    has_carried,
    has_shares,
    moment_words,
    object_words,
    place_words,
    share_words,
    shared_sums,
)


def draw(content: Mapping[str, Any], digest: str) -> bytes:
    """The PDF of minutes with this hash, as many A4 pages as their tables need."""
    register_fonts()
    pages = paged(_blocks(content, digest))
    output = BytesIO()
    canvas = Canvas(
        output,
        pagesize=A4,
        pdfVersion=(1, 7),
        # Without this an unembedded Helvetica is declared on every page.
        initialFontName=REGULAR,  # type: ignore[arg-type]  # a name, whatever the stubs say
        invariant=1,
        lang="vi",
    )
    day = day_text(date.fromisoformat(content["date"]))
    canvas.setTitle(f"Biên bản đối chiếu ngày {day}")
    canvas.setAuthor(content["body"]["name"])
    canvas.setSubject(content["account"]["code"])
    canvas.setCreator("lephi")
    for place, blocks in enumerate(pages, start=1):
        canvas.setFillColor(ACCENT)
        canvas.rect(0, HEIGHT - 8, WIDTH, 8, stroke=0, fill=1)
        top = TOP
        for block in blocks:
            block.draw(canvas, MARGIN, top)
            top -= block.height
        foot = f"Biên bản ngày {day} · {content['account']['code']} · {digest[:16]}"
        text(foot, SMALL, ROOM).draw(canvas, MARGIN, BOTTOM - 14)
        numbered = text(f"Trang {place}/{len(pages)}", SMALL, ROOM, align="right")
        numbered.draw(canvas, MARGIN, BOTTOM - 14)
        canvas.showPage()
    canvas.save()
    return output.getvalue()


def _blocks(content: Mapping[str, Any], digest: str) -> list[Block]:
    return [
        *_heading(content),
        *_sums(content),
        *_carried_out(content),
        *_fees(content),
        *_places(content),
        *_decided(content),
        *_others(content["other_days"]),
        *_signed(content, digest),
    ]


def _heading(content: Mapping[str, Any]) -> list[Block]:
    body, account = content["body"], content["account"]
    day = day_text(date.fromisoformat(content["date"]))
    return [
        text(body["name"], NAME, ROOM, most=2),
        text(f"Mã số thuế: {body['tax_code']} · {body['address']}", SMALL, ROOM, most=2),
        space(10),
        text("BIÊN BẢN ĐỐI CHIẾU", TITLE, ROOM, align="center"),
        text(f"Ngày {day}", STRONG, ROOM, align="center"),
        text(
            f"Tài khoản thu {account['number']} · {account['holder']} ({account['code']})",
            FACT,
            ROOM,
            align="center",
            most=2,
        ),
        *([space(4), text(DEMO, DEMO_STYLE, ROOM, align="center")] if content["demo"] else []),
        space(8),
    ]


_COUNTED: Sequence[TableColumn] = (
    ("Nội dung", 299.0, "left"),
    ("Số lượng", 80.0, "right"),
    ("Số tiền (đồng)", 110.0, "right"),
)


def _sums(content: Mapping[str, Any]) -> list[Block]:
    lines, balances = content["lines"], content["balances"]
    tallies = content["classes"]
    named = [name for name in (*CLASSES, *sorted(tallies.keys() - CLASSES)) if name in tallies]
    classes = [
        (CLASSES.get(name, name), tallies[name]["count"], tallies[name]["sum"])
        for name in named
        if tallies[name]["count"]
    ]
    late = lines["late_credits"] - lines["late_debits"]
    late_count = lines["late_credit_count"] + lines["late_debit_count"]
    moved = [
        ("Số dư đầu ngày", "", _told(balances["opening"])),
        ("Ghi có trong ngày", lines["credit_count"], lines["credits"]),
        ("Ghi nợ trong ngày", lines["debit_count"], lines["debits"]),
        ("Số dư cuối ngày", "", _told(balances["closing"])),
    ]
    if late_count:
        moved.append(("Điều chỉnh: dòng của ngày đã khóa sổ", late_count, late))
    paid = content["payments"]
    told = balances["opening"] is not None and balances["closing"] is not None
    verdict = balance_words(agrees=content["agrees"], told=told)
    return [
        *part_title("I. Số dư và phát sinh theo sao kê"),
        *table(_COUNTED, moved),
        space(3),
        text(verdict, SIGNER if content["agrees"] else STRONG, ROOM),
        *part_title("II. Kết quả đối chiếu"),
        *table(
            _COUNTED,
            [
                ("Đã thu theo sổ trong ngày", paid["count"], paid["sum"]),
                *_carried_in(content),
                *classes,
            ],
        ),
    ]


def _carried_in(content: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    had = content["carried_in"] if has_carried(content) else {"count": 0, "sum": 0}
    return [("Ngày trước chuyển sang", had["count"], had["sum"])] if had["count"] else []


_WAITING_COLUMNS: Sequence[TableColumn] = (
    ("Đang ở đâu", 205.0, "left"),
    ("Mã / đối tượng", 140.0, "left"),
    ("Hạn", 66.0, "left"),
    ("Số tiền (đồng)", 72.0, "right"),
)


def _carried_out(content: Mapping[str, Any]) -> list[Block]:
    """What is on its way at the end of the day; nothing where nothing is."""
    left = content["carried_out"] if has_carried(content) else {"sums": [], "items": []}
    if not left["sums"]:
        return []
    sums = [(CARRIED[one["kind"]], one["count"], one["sum"]) for one in left["sums"]]
    items = [
        (
            CARRIED[one["kind"]],
            object_words(one),
            "" if one["expected_on"] is None else day_text(date.fromisoformat(one["expected_on"])),
            one["amount"],
        )
        for one in left["items"]
    ]
    return [
        subtitle("Tiền đang về, chuyển theo dõi ở ngày sau"),
        *table(_COUNTED, sums),
        space(5),
        *table(_WAITING_COLUMNS, items),
    ]


def _told(balance: int | None) -> object:
    return "không có" if balance is None else balance


_FEE_COLUMNS: Sequence[TableColumn] = (
    ("Đơn vị", 74.0, "left"),
    ("Thủ tục", 52.0, "left"),
    ("Khoản thu", 117.0, "left"),
    ("Tiểu mục", 42.0, "left"),
    ("Kênh", 54.0, "left"),
    ("Số lượng", 44.0, "right"),
    ("Số tiền (đồng)", 72.0, "right"),
)


_SHARE_COLUMNS: Sequence[TableColumn] = (
    ("Khoản thu", 166.0, "left"),
    ("Tiểu mục", 40.0, "left"),
    ("Để lại", 42.0, "left"),
    ("Số tiền (đồng)", 72.0, "right"),
    ("Để lại (đồng)", 72.0, "right"),
    ("Nộp ngân sách", 72.0, "right"),
)


def _fees(content: Mapping[str, Any]) -> list[Block]:
    fees = content["fees"]
    if not fees:
        return [*part_title("III. Theo khoản thu"), text("Không có khoản nào.", FACT, ROOM)]
    rows = [
        (
            fee["agency"],
            fee["procedure"],
            fee["description"],
            fee["sub_item"],
            CHANNELS.get(fee["gateway"], fee["gateway"]),
            fee["count"],
            fee["amount"],
        )
        for fee in fees
    ]
    blocks = [*part_title("III. Theo đơn vị, thủ tục, khoản thu, tiểu mục và kênh thu")]
    blocks += table(_FEE_COLUMNS, rows)
    for title, key in (("Cộng theo tiểu mục", "sub_item"), ("Cộng theo kênh thu", "gateway")):
        blocks.append(subtitle(title))
        blocks += table(_COUNTED, _grouped_by(fees, key))
    if not has_shares(content):
        return [*blocks, space(3), text(SHARES_UNKNOWN, NOTE, ROOM)]
    blocks.append(subtitle("Để lại và nộp ngân sách theo khoản thu"))
    blocks += table(_SHARE_COLUMNS, _by_share(fees))
    sums = shared_sums(fees)
    blocks.append(subtitle("Cộng để lại và nộp ngân sách"))
    blocks += table(
        _COUNTED,
        [
            ("Để lại cho cơ quan thu", "", sums.kept),
            ("Nộp ngân sách nhà nước", "", sums.paid_in),
            ("Chưa rõ tỷ lệ, chưa chia", "", sums.undivided),
        ],
    )
    return [*blocks, space(3), text(SHARES_NOTE, NOTE, ROOM, most=3)]


def _by_share(fees: Sequence[Mapping[str, Any]]) -> list[tuple[object, ...]]:
    """What each fee got, whoever took it by whichever channel; kept, and paid in."""
    sums: dict[tuple[str, str, int | None], list[int]] = {}
    for fee in fees:
        had = sums.setdefault((fee["description"], fee["sub_item"], fee["kept_percent"]), [0, 0])
        had[0] += fee["amount"]
        had[1] += fee["kept"] or 0
    return [
        (
            *(description, sub_item, share_words(percent), amount),
            *(("chưa rõ", "chưa rõ") if percent is None else (kept, amount - kept)),
        )
        for (description, sub_item, percent), (amount, kept) in sums.items()
    ]


def _grouped_by(fees: Sequence[Mapping[str, Any]], key: str) -> list[tuple[str, int, int]]:
    sums: dict[str, tuple[int, int]] = {}
    for fee in fees:
        name = CHANNELS.get(fee[key], fee[key]) or "(không có)"
        count, amount = sums.get(name, (0, 0))
        sums[name] = (count + fee["count"], amount + fee["amount"])
    return [(name, *sums[name]) for name in sorted(sums)]


def _places(content: Mapping[str, Any]) -> list[Block]:
    def rows(totals: Sequence[Mapping[str, Any]]) -> list[tuple[str, int, int]]:
        return [(place_words(o["place"], o["reason"]), o["count"], o["amount"]) for o in totals]

    waiting = rows(content["waiting"])
    return [
        *part_title("IV. Tiền của ngày đang ở đâu"),
        *table(_COUNTED, rows(content["places"])),
        *part_title("V. Tiền chờ xử lý và phải hoàn trả của tài khoản, chuyển ngày sau"),
        *(table(_COUNTED, waiting) if waiting else [text("Không có.", FACT, ROOM)]),
    ]


_ITEM_COLUMNS: Sequence[TableColumn] = (
    ("Chênh lệch", 106.0, "left"),
    ("Mã / đối tượng", 128.0, "left"),
    ("Xử lý, lý do", 177.0, "left"),
    ("Số tiền (đồng)", 72.0, "right"),
)


def _decided(content: Mapping[str, Any]) -> list[Block]:
    sums = [
        (
            f"{CLASSES.get(one['kind'], one['kind'])}:"
            f" {RESOLUTIONS.get(one['resolution'], one['resolution'])}",
            one["count"],
            one["sum"],
        )
        for one in content["resolved"]
    ]
    if not sums:
        return [*part_title("VI. Chênh lệch đã xử lý"), text("Không có.", FACT, ROOM)]
    items = [
        (
            CLASSES.get(one["kind"], one["kind"]),
            object_words(one),
            f"{RESOLUTIONS.get(one['resolution'], one['resolution'])}: {one['reason']}",
            one["amount"],
        )
        for one in content["items"]
    ]
    blocks = [*part_title("VI. Chênh lệch đã xử lý"), *table(_COUNTED, sums), space(5)]
    return [*blocks, *table(_ITEM_COLUMNS, items)]


def _others(lines: Sequence[Mapping[str, Any]]) -> list[Block]:
    if not lines:
        return []
    rows = [
        (
            "Dòng của ngày đã khóa sổ" if one["late"] else "Ghi có của khoản thu ngày khác",
            one.get("payment_told") or one["payment_id"] or one.get("told") or one["id"],
            f"Ghi sổ {moment_words(one['booked_at'])}",
            one["amount"],
        )
        for one in lines
    ]
    return [*part_title("VII. Dòng sao kê liên quan ngày khác"), *table(_ITEM_COLUMNS, rows)]


def _signed(content: Mapping[str, Any], digest: str) -> list[Block]:
    half = ROOM / 2 - 10

    def person(title: str, one: Mapping[str, Any]) -> Block:
        return stack(
            [
                text(title, STRONG, half, align="center"),
                space(4),
                text(one["name"], SIGNER, half, align="center", most=2),
                text(moment_words(one["at"]), SMALL, half, align="center"),
            ]
        )

    before = content["previous"]
    previous = "ngày đầu tiên được khóa sổ"
    if before["date"] is not None:
        previous = f"biên bản ngày {day_text(date.fromisoformat(before['date']))}"
    signers = beside(
        [
            (0, person("Người lập, đề nghị khóa sổ", content["proposed"])),
            (ROOM / 2 + 10, person("Người duyệt khóa sổ", content["closed"])),
        ]
    )
    chain = [
        text("Chuỗi biên bản (SHA-256 của nội dung)", STRONG, ROOM - 16),
        text(f"Biên bản này: {digest}", SMALL, ROOM - 16),
        text(f"Trước đó ({previous}): {before['hash']}", SMALL, ROOM - 16),
    ]
    return [stack([space(14), signers, space(12), filled(stack(chain), ROOM)])]
