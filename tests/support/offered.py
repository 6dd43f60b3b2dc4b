"""What a payer is offered to pay with: whatever of it an open attempt leaves is a double charge."""

from tests.support.markup import tree_of
from tests.support.money_world import MoneyWorld, Opened


async def offered(world: MoneyWorld, bill: Opened) -> list[str]:
    """Every way to pay that the page of a bill, its images and the API hold out just now."""
    service = world.service
    tree = tree_of((await service.browse(f"/b/{bill.reference}")).text)
    found = [f"button {name}" for name in tree.xpath("//button[@name='gateway']/@value")]
    found += [f"image {source}" for source in tree.xpath("//img[contains(@src, '/qr.')]/@src")]
    found += [f"copy {text}" for text in tree.xpath("//button/@data-copy")]
    for extension in ("png", "svg"):
        answer = await service.browse(f"/b/{bill.reference}/qr.{extension}")
        found += [f"qr.{extension}"] if answer.status_code != 404 else []
    shown = (await service.get(f"/api/v1/bills/{bill.id}")).json()
    found += ["qr of the API"] if shown["qr"] is not None else []
    return found
