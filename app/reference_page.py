"""The page of the API reference at `/docs`: Swagger UI, from files of ours.

Nothing of it comes from elsewhere and nothing stands inline, so it keeps the policy that every page
of ours has; the framework's own page would need scripts inside the page allowed.
"""

from fastapi import APIRouter, Request, Response

from app.web.templating import render

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def reference_page(request: Request) -> Response:
    """Every route of the API, to read and to try out."""
    return render(request, "reference.html", description=request.app.openapi_url)
