"""Who may do what: the one table of actions, by the roles of people and the scopes of keys.

*Pure.* A person may do what one of their roles allows; a system's key what one of its scopes
allows. An action without scopes takes a person. Routes name the action they need
(`payments.agencies.access.principals.needs`); `lephi roles` draws the table into `docs/roles.md`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person is at an agency; one person may have several."""

    CLERK = "clerk"
    FINANCE = "finance"
    CHIEF = "chief"
    ADMIN = "admin"
    AUDITOR = "auditor"
    COLLECTOR = "collector"


class Scope(StrEnum):
    """What a system's key is for; it opens nothing else."""

    BILLS = "bills"
    RECEIPTS_READ = "receipts:read"
    STATEMENTS = "statements"
    RECONCILIATION = "reconciliation"
    CATALOGUE = "catalogue"
    WEBHOOKS = "webhooks"


class Action(StrEnum):
    """What somebody asks to do."""

    CREATE_BILL = "bills.create"
    CANCEL_BILL = "bills.cancel"
    MARK_BILL = "bills.mark"
    START_PAYMENT = "payments.start"
    READ_BILLS = "bills.read"
    READ_RECEIPTS = "receipts.read"
    READ_PRICES = "prices.read"
    EXPORT_CATALOGUE = "catalogue.export"
    READ_PROPOSALS = "catalogue.read_proposals"
    PROPOSE_CHANGE = "catalogue.propose"
    DECIDE_CHANGE = "catalogue.decide"
    CHANGE_NATIONAL = "catalogue.change_national"
    TAKE_STATEMENT = "statements.take"
    SAVE_LAYOUT = "layouts.save"
    RECONCILE = "reconciliations.run"
    SCHEDULE_NIGHTS = "reconciliations.schedule"
    READ_RECONCILIATIONS = "reconciliations.read"
    READ_REPORTS = "reports.read"
    WORK_DISCREPANCY = "discrepancies.work"
    CLOSE_DAY = "reconciliations.close"
    READ_SUSPENSE = "suspense.read"
    READ_APPROVALS = "approvals.read"
    PROPOSE_APPROVAL = "approvals.propose"
    DECIDE_APPROVAL = "approvals.decide"
    DECIDE_SETTING = "settings.decide"
    APPROVE = "approvals.approve"
    REJECT = "approvals.reject"
    READ_MARKETS = "markets.read"
    READ_VENDORS = "vendors.read"
    KEEP_MARKETS = "markets.keep"
    READ_METERS = "meters.read"
    COLLECT = "collecting.walk"
    READ_CASH = "cash.read"
    COUNT_CASH = "cash.count"
    READ_BILLING = "billing.read"
    BILL_MARKET = "billing.run"
    READ_MESSAGES = "messages.read"
    SEND_MESSAGES = "messages.send"
    READ_INVOICES = "invoices.read"
    KEEP_INVOICES = "invoices.keep"
    KEEP_DEBTS = "debts.keep"
    MANAGE_WEBHOOKS = "webhooks.manage"
    ADMINISTER = "administer"


@dataclass(frozen=True, slots=True)
class Title:
    """What something is called, in Vietnamese and in English."""

    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class Right:
    """Who may do one thing."""

    title: Title
    roles: frozenset[Role]
    scopes: frozenset[Scope] = frozenset()


_CLERK, _FINANCE, _CHIEF, _ADMIN, _AUDITOR, _COLLECTOR = Role
_BILLS, _RECEIPTS_READ, _STATEMENTS, _RECONCILIATION, _CATALOGUE, _WEBHOOKS = Scope
_EVERYONE = frozenset(Role)
#: Who works at a market needs its dues, and nothing of how the agency sets its prices.
_OFFICE = _EVERYONE - {_COLLECTOR}


def _right(vi: str, en: str, roles: Iterable[Role], *scopes: Scope) -> Right:
    return Right(Title(vi, en), frozenset(roles), frozenset(scopes))


#: The table. What a market's vendor owes is set by a billing run, so a collector, who takes the
#: money, neither makes bills nor withdraws any.
RIGHTS: Mapping[Action, Right] = {
    Action.CREATE_BILL: _right("Lập khoản phải nộp", "Create a bill", {_CLERK, _ADMIN}, _BILLS),
    Action.CANCEL_BILL: _right(
        "Hủy khoản phải nộp chưa có tiền",
        "Withdraw a bill that no money has reached",
        {_CLERK, _ADMIN},
        _BILLS,
    ),
    Action.MARK_BILL: _right(
        "Đánh dấu khoản phải nộp, lần thanh toán, biên lai để người khác xem",
        "Set a note on a bill, payment or receipt for colleagues",
        {_CLERK, _FINANCE, _CHIEF, _ADMIN},
    ),
    Action.START_PAYMENT: _right(
        "Bắt đầu một lần thanh toán qua cổng",
        "Start an attempt to pay at a gateway",
        {_CLERK, _COLLECTOR, _ADMIN},
        _BILLS,
    ),
    Action.READ_BILLS: _right(
        "Xem khoản phải nộp và các lần thanh toán",
        "Read bills and their payments",
        _EVERYONE,
        _BILLS,
    ),
    Action.READ_RECEIPTS: _right(
        "Xem và tải biên lai", "Read and fetch receipts", _EVERYONE, _RECEIPTS_READ
    ),
    Action.READ_PRICES: _right(
        "Tra cứu thủ tục và mức thu",
        "Look up procedures and what they cost",
        _EVERYONE,
        *(_BILLS, _CATALOGUE),
    ),
    Action.EXPORT_CATALOGUE: _right(
        "Xuất danh mục ra tệp", "Export the catalogue to a file", _OFFICE, _CATALOGUE
    ),
    Action.READ_PROPOSALS: _right(
        "Xem các đề xuất thay đổi danh mục",
        "Read proposed changes of the catalogue",
        _OFFICE,
        _CATALOGUE,
    ),
    Action.PROPOSE_CHANGE: _right(
        "Đề xuất thay đổi danh mục, rút đề xuất của mình",
        "Propose a change of the catalogue, take one's own back",
        {_FINANCE, _CHIEF, _ADMIN},
    ),
    Action.DECIDE_CHANGE: _right(
        "Áp dụng hoặc từ chối đề xuất của người khác",
        "Apply or reject somebody else's proposal",
        {_CHIEF, _ADMIN},
    ),
    Action.CHANGE_NATIONAL: _right(
        "Sửa danh mục chung (chỉ bằng dòng lệnh)",
        "Change the national catalogue (at the command line only)",
        {_ADMIN},
    ),
    Action.TAKE_STATEMENT: _right(
        "Nạp sao kê, sổ phụ",
        "Take a statement in",
        {_FINANCE, _CHIEF, _ADMIN},
        _STATEMENTS,
    ),
    Action.SAVE_LAYOUT: _right(
        "Lưu mẫu sao kê của cơ quan",
        "Save a layout of the body's statements",
        {_FINANCE, _CHIEF, _ADMIN},
    ),
    Action.RECONCILE: _right(
        "Đối chiếu một ngày",
        "Reconcile a day",
        {_FINANCE, _CHIEF, _ADMIN},
        _RECONCILIATION,
    ),
    Action.SCHEDULE_NIGHTS: _right(
        "Đặt lịch tự đối chiếu ban đêm",
        "Set when days are reconciled by themselves",
        {_FINANCE, _CHIEF, _ADMIN},
    ),
    Action.READ_RECONCILIATIONS: _right(
        "Xem kết quả đối chiếu và chênh lệch",
        "Read reconciliations and their discrepancies",
        {_FINANCE, _CHIEF, _ADMIN, _AUDITOR},
        _RECONCILIATION,
    ),
    Action.READ_REPORTS: _right(
        "Xem báo cáo thu, để lại, nộp ngân sách",
        "Read reports of what was collected, kept and paid in",
        {_FINANCE, _CHIEF, _ADMIN, _AUDITOR},
        _RECONCILIATION,
    ),
    Action.WORK_DISCREPANCY: _right(
        "Giao chênh lệch cho người xử lý, ghi ý kiến, đính kèm tệp",
        "Give a discrepancy to a person, comment on it, keep files with it",
        {_FINANCE, _CHIEF},
    ),
    Action.CLOSE_DAY: _right(
        "Đề nghị khóa sổ một ngày đã đối chiếu; người thứ hai (kế toán trưởng) khóa",
        "Ask that a reconciled day be closed; another person, a chief, closes it",
        {_FINANCE, _CHIEF},
    ),
    Action.READ_SUSPENSE: _right(
        "Xem tiền chờ xử lý và tiền phải hoàn trả",
        "Read what waits in suspense or is refundable",
        {_FINANCE, _CHIEF, _ADMIN, _AUDITOR},
        _RECONCILIATION,
    ),
    Action.READ_APPROVALS: _right(
        "Xem các đề nghị cần hai người và quyết định",
        "Read what was asked for of two people, and what was decided",
        {_FINANCE, _CHIEF, _ADMIN, _AUDITOR},
    ),
    Action.PROPOSE_APPROVAL: _right(
        "Đề nghị xử lý tiền (dùng tiền chờ, rút sao kê), rút đề nghị của mình",
        "Ask that money in suspense be used or a statement withdrawn, or take that back",
        {_FINANCE, _CHIEF},
    ),
    Action.DECIDE_APPROVAL: _right(
        "Duyệt hoặc từ chối đề nghị về tiền của người khác",
        "Approve or reject what somebody else asked for about money",
        {_CHIEF},
    ),
    Action.DECIDE_SETTING: _right(
        "Duyệt hoặc từ chối thay đổi thiết lập mà người khác đề nghị",
        "Approve or reject what somebody else asked for about how a body is set up",
        {_CHIEF, _ADMIN},
    ),
    Action.APPROVE: _right(
        "Duyệt đề nghị thuộc loại mình được quyết định",
        "Approve what is of a kind that one may decide about",
        {_CHIEF, _ADMIN},
    ),
    Action.REJECT: _right(
        "Từ chối đề nghị thuộc loại mình được quyết định, rút đề nghị của mình",
        "Reject what is of a kind that one may decide about, take back one's own",
        {_FINANCE, _CHIEF, _ADMIN},
    ),
    Action.READ_MARKETS: _right(
        "Xem chợ, sạp, hợp đồng, biểu giá, chỉ số",
        "Read markets, stalls, contracts, tariffs and readings",
        _EVERYONE,
    ),
    Action.READ_VENDORS: _right(
        "Xem tên và số điện thoại của tiểu thương",
        "Read vendors' names and telephones",
        _EVERYONE,
    ),
    Action.KEEP_MARKETS: _right(
        "Ghi chợ, sạp, tiểu thương, hợp đồng",
        "Write markets, stalls, vendors and contracts down",
        {_FINANCE, _CHIEF, _ADMIN},
    ),
    Action.READ_METERS: _right(
        "Ghi chỉ số điện, nước",
        "Write down what meters show",
        {_FINANCE, _CHIEF, _ADMIN, _COLLECTOR},
    ),
    Action.COLLECT: _right(
        "Đi thu tại chợ: thu tiền mặt, bán vé, ghi lần đến, bàn giao",
        "Walk a market: take cash, sell tickets, note visits, hand over",
        {_COLLECTOR},
    ),
    Action.READ_CASH: _right(
        "Xem sổ quỹ tiền mặt của người thu",
        "Read the cash books of collectors",
        {_FINANCE, _CHIEF, _ADMIN, _AUDITOR},
    ),
    Action.COUNT_CASH: _right(
        "Kiểm đếm tiền mặt người khác bàn giao",
        "Count the cash that somebody else hands over",
        {_FINANCE, _CHIEF},
    ),
    Action.READ_BILLING: _right(
        "Xem các đợt lập khoản thu của chợ",
        "Read billing runs, and what one would bill",
        {_FINANCE, _CHIEF, _ADMIN, _AUDITOR},
    ),
    Action.BILL_MARKET: _right(
        "Lập khoản thu của chợ theo kỳ",
        "Bill a market for a period",
        {_FINANCE, _CHIEF},
    ),
    Action.READ_MESSAGES: _right(
        "Xem các tin đã nhắn cho người nộp và kênh nhắn tin",
        "Read what payers were told, and the channels of messages",
        {_FINANCE, _CHIEF, _ADMIN, _AUDITOR},
    ),
    Action.SEND_MESSAGES: _right(
        "Gửi lại một tin nhắn để riêng",
        "Send a message again that was set aside",
        {_FINANCE, _CHIEF, _ADMIN},
    ),
    Action.READ_INVOICES: _right(
        "Xem hóa đơn điện tử và tài khoản ở nhà cung cấp",
        "Read e-invoices, and the accounts at their providers",
        {_FINANCE, _CHIEF, _ADMIN, _AUDITOR},
        _RECONCILIATION,
    ),
    Action.KEEP_INVOICES: _right(
        "Lập lại hóa đơn để riêng, ghi hóa đơn đã điều chỉnh",
        "Have an invoice asked for again, say that one was adjusted",
        {_FINANCE, _CHIEF, _ADMIN},
    ),
    Action.KEEP_DEBTS: _right(
        "Nạp danh sách khoản phải nộp của cơ quan khác",
        "Take in lists of debts that other offices set",
        {_FINANCE, _CHIEF, _ADMIN},
        _BILLS,
    ),
    Action.MANAGE_WEBHOOKS: _right(
        "Đăng ký nơi nhận thông báo (webhook), xem và gửi lại thông báo",
        "Register receivers of webhooks, see and replay what they were told",
        {_ADMIN},
        _WEBHOOKS,
    ),
    Action.ADMINISTER: _right(
        "Quản lý người dùng, khóa API, đơn vị, tài khoản thu và cổng thanh toán; trong vận hành"
        " thật là đề nghị để người thứ hai duyệt",
        "Administer people, API keys, bodies, accounts and gateways; in production by asking for"
        " it, and a second person decides",
        {_ADMIN},
    ),
}

#: What each role is for.
ROLES: Mapping[Role, Title] = {
    Role.CLERK: Title("Cán bộ tại quầy, lập khoản phải nộp", "Makes bills at the counter"),
    Role.FINANCE: Title("Cán bộ tài chính, kế toán viên", "Keeps the accounts, reconciles"),
    Role.CHIEF: Title("Kế toán trưởng, người thứ hai", "Chief accountant, the second person"),
    Role.ADMIN: Title("Quản trị của cơ quan", "Administers the agency's people and keys"),
    Role.AUDITOR: Title("Kiểm tra, chỉ xem", "Looks, and changes nothing"),
    Role.COLLECTOR: Title("Người thu tại chợ", "Takes dues at a market"),
}

#: What each scope is for.
SCOPES: Mapping[Scope, Title] = {
    Scope.BILLS: Title("Lập, xem, hủy khoản phải nộp và thanh toán", "Bills and their payments"),
    Scope.RECEIPTS_READ: Title("Xem và tải biên lai", "Read and fetch receipts"),
    Scope.STATEMENTS: Title("Nạp sao kê, sổ phụ", "Take statements in"),
    Scope.RECONCILIATION: Title("Đối chiếu và xem kết quả", "Reconcile, and read the outcome"),
    Scope.CATALOGUE: Title("Xem và xuất danh mục", "Read and export the catalogue"),
    Scope.WEBHOOKS: Title("Đăng ký và theo dõi webhook", "Register and follow webhooks"),
}

#: What a new key of a system is for unless it is told otherwise: what a portal needs.
PORTAL_SCOPES: tuple[Scope, ...] = (Scope.BILLS, Scope.RECEIPTS_READ)


def drawn() -> str:
    """The table as Markdown, with the roles and scopes explained."""
    parts = ["## Roles\n", *_explained("Role", "Vai trò", ROLES)]
    parts += ["\n## Scopes\n", *_explained("Scope", "Phạm vi", SCOPES)]
    parts.append("\n## Actions\n")
    parts.append("| Action | English | Tiếng Việt | Roles | Scopes |")
    parts.append("|---|---|---|---|---|")
    for action, right in RIGHTS.items():
        roles = ", ".join(role for role in Role if role in right.roles)
        scopes = ", ".join(f"`{scope}`" for scope in Scope if scope in right.scopes)
        row = (f"`{action}`", right.title.en, right.title.vi, roles, scopes or "a person only")
        parts.append(f"| {' | '.join(row)} |")
    return "\n".join(parts)


def _explained(
    english: str, vietnamese: str, titles: Mapping[Role, Title] | Mapping[Scope, Title]
) -> list[str]:
    rows = [f"| {english} | Meaning | {vietnamese} |", "|---|---|---|"]
    return rows + [f"| `{name}` | {title.en} | {title.vi} |" for name, title in titles.items()]
