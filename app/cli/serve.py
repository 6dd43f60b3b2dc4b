"""`lephi serve`: alone here, for it is what loads every page and every route."""

import gc

import uvicorn

from app.cli.console import WithParent, fail
from app.cli.settings import database_url_or_fail, settings_or_fail
from app.main import create_app
from app.processes import end_with_parent
from app.server import guarded, limits_of
from app.wiring import signer_of
from core.errors import LephiError
from core.settings import Settings

#: How many objects a serving process lets gather before it looks for cycles among them. A request
#: leaves next to none, so that looking after every 700, as usual, costs a bill a tenth for nothing.
_GARBAGE = 50_000


def serve(with_parent: WithParent = 0) -> None:
    """Answer HTTP at LEPHI_HOST and LEPHI_PORT until SIGINT or SIGTERM."""
    if with_parent:
        end_with_parent(with_parent)
    settings = settings_or_fail()
    database_url_or_fail(settings)
    _check_signer(settings)
    app = create_app(settings)
    # What stands by now stays: collecting garbage among it again and again stops every request.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE)
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        http=guarded(limits_of(settings)),
        ws="none",
        log_config=None,  # its own would take the place of ours
        log_level="warning",
        access_log=False,
        server_header=False,
        # Anybody else may write in the header what they like.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=30,
    )


def _check_signer(settings: Settings) -> None:
    """End with one line where receipts could not be signed, before anything is started."""
    try:
        signer_of(settings)
    except LephiError as error:
        fail(error)
