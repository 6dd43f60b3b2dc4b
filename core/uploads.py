"""Files that come with a form: what their sender calls them."""

from fastapi import UploadFile

from core.errors import FieldError
from core.file_names import BadFileName, checked_name


def name_of(upload: UploadFile) -> str:
    """The name of an uploaded file, if it is one. Raises `BadFileName`, naming `file`.

    A name that is not UTF-8 has been read as Latin-1 by now, which would be kept as other letters
    than were meant; so the part's own header is looked at.
    """
    header = upload.headers.get("content-disposition", "")
    try:
        header.encode("latin-1").decode()
    except UnicodeError:
        reason = "Tên tệp không phải UTF-8; hãy đổi tên tệp."
        raise BadFileName(reason, errors=[FieldError("file", "not_utf8", reason)]) from None
    return checked_name(upload.filename or "")
