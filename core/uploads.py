"""Files that come with a form: what their sender calls them."""

from starlette.datastructures import UploadFile

from core.errors import FieldError
from core.file_names import BadFileName, checked_name

#: Characters that a header writes in another way.
_ESCAPED = frozenset('"\\')


def name_of(upload: UploadFile) -> str:
    """The name of an uploaded file, if it is one. Raises `BadFileName`, naming `file`.

    A name that is not UTF-8 has been read as Latin-1 by now, or in whatever the form says it is
    in, which would be kept as other letters than were meant; so the part's own header is looked at.
    """
    name = upload.filename or ""
    header = upload.headers.get("content-disposition", "").encode("latin-1", "replace")
    if not _is_utf8(header) or (
        _ESCAPED.isdisjoint(name) and name.encode("utf-8", "surrogatepass") not in header
    ):
        reason = "Tên tệp không phải UTF-8; hãy đổi tên tệp."
        raise BadFileName(reason, errors=[FieldError("file", "not_utf8", reason)])
    return checked_name(name)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeError:
        return False
    return True
