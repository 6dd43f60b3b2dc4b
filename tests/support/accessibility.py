"""What a person who sees, hears or types differently needs of a page, checked in the browser.

No replacement for trying it with them; these are the rules of WCAG 2.2 that a program can judge:
our own, which know these pages, and all of axe-core's, at the width of a phone and of a desk.
"""

from typing import Final

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Page

from tests.support.browser import DESKTOP, NARROW, PHONE

_CHECK = r"""
() => {
  const faults = [];
  const fault = (rule, element) =>
    faults.push(`${rule}: ${element ? element.outerHTML.slice(0, 120) : "page"}`);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const seen = (element) => {
    const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    return box.width > 1 && box.height > 1 && style.visibility === "visible";
  };
  const name = (element) =>
    (element.getAttribute("aria-label") || element.textContent || element.alt || "").trim();

  if (!["vi", "en"].includes(document.documentElement.lang))
    fault("language", document.documentElement);
  for (const element of all("[lang]"))
    if (!["vi", "en"].includes(element.lang)) fault("language", element);
  if (!document.title.trim()) fault("title");
  if (!document.querySelector("meta[name=viewport]")) fault("viewport");
  for (const landmark of ["main", "header", "footer"])
    if (all(landmark).length !== 1) fault("landmark " + landmark);
  if (all("h1").length !== 1) fault("one h1");
  let level = 0;
  for (const heading of all("h1, h2, h3, h4, h5, h6")) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1 && !(level === 0 && next === 1)) fault("heading skipped", heading);
    if (!name(heading)) fault("heading empty", heading);
    level = next;
  }
  for (const image of all("img")) if (!image.hasAttribute("alt")) fault("alt", image);
  for (const field of all("input:not([type=hidden]), select, textarea"))
    if (!field.labels.length) fault("label", field);
  for (const pressed of all("a[href], button, summary"))
    if (!name(pressed)) fault("name", pressed);
  const ids = all("[id]").map((element) => element.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) fault("id twice " + id);
  for (const attribute of ["aria-labelledby", "aria-describedby", "for"])
    for (const element of all(`[${attribute}]`))
      for (const id of element.getAttribute(attribute).split(/\s+/))
        if (!document.getElementById(id)) fault(attribute + " leads nowhere", element);
  for (const element of all("[tabindex]"))
    if (element.tabIndex > 0) fault("order of keys", element);
  for (const pressed of all("button, .button, input:not([type=hidden]), summary")) {
    const box = pressed.getBoundingClientRect();
    if (seen(pressed) && (box.width < 24 || box.height < 24)) fault("too small", pressed);
  }

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const rgba = (colour) => {
    if (!known.has(colour)) known.set(colour, drawn(colour));
    return known.get(colour);
  };
  const drawn = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => {
    const [r, g, b] = rgba(colour).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let step = element; step; step = step.parentElement) {
      const colour = getComputedStyle(step).backgroundColor;
      if (rgba(colour)[3] === 255) return colour;
    }
    return getComputedStyle(document.documentElement).colorScheme === "dark" ? "black" : "white";
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const element = text.parentElement;
    if (!text.data.trim() || !seen(element) || element.closest(".unseen, .skip")) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    if (size < 12) fault(`letters of ${size}px`, element);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const [dim, bright] = [light(style.color), light(ground(element))].sort((a, b) => a - b);
    const contrast = (bright + 0.05) / (dim + 0.05);
    if (contrast < (large ? 3 : 4.5)) fault(`contrast ${contrast.toFixed(2)}`, element);
  }
  return [...new Set(faults)];
}
"""


#: Lets axe-core look, by its rules but some, or by some alone; each element is a line.
_AXE: Final = r"""
async ([only, but]) => {
  const rules = Object.fromEntries(but.map((rule) => [rule, { enabled: false }]));
  const some = only.length ? { runOnly: { type: "rule", values: only } } : { rules };
  const { violations } = await axe.run({ resultTypes: ["violations"], preload: false, ...some });
  return violations.flatMap((rule) =>
    rule.nodes.map((node) => `axe ${rule.id}: ${node.html.slice(0, 120)}`));
}
"""
#: What is otherwise in the dark, and nothing else; the same at every width, and slow.
_COLOUR: Final = ["color-contrast"]
#: An arriving card is faint for a moment.
_OWN: Final = f"""
async () => {{
  await Promise.all(document.getAnimations().map((one) => one.finished));
  return ({_CHECK})();
}}
"""
#: Whether scripts run, whether axe-core is there already, and whether the page is dark.
_STATE: Final = """() => [
  matchMedia("(scripting: enabled)").matches,
  typeof axe === "object",
  matchMedia("(prefers-color-scheme: dark)").matches,
]"""
#: An office computer, the narrowest screen that WCAG asks for, a small phone.
WIDTHS: Final = (DESKTOP["width"], NARROW["width"], PHONE["width"])


async def faults_of(page: Page) -> list[str]:
    """What is wrong with the page as it stands, one line each: the rule and the element."""
    found: list[str] = await page.evaluate(_OWN)
    return found + await axe_faults_of(page)


async def faults_everywhere(
    page: Page, *, dark: bool = True, narrower: tuple[int, ...] = ()
) -> list[str]:
    """What is wrong with a light page on every screen and in the dark, each with where.

    The same as `faults_of` on a phone, on a desk and in the dark, and `too_wide` at each of
    `WIDTHS`, with no screen set up twice. `narrower` are further widths. `dark` is left out of a
    page whose colours were looked at in another language, or that has one scheme alone.
    Afterwards the page is light and as large as it was.
    """
    size, axe, found = page.viewport_size, await _axe_looks(page), dict[str, list[str]]()
    for width in (DESKTOP["width"], *narrower, NARROW["width"], PHONE["width"]):
        await page.set_viewport_size({"width": width, "height": PHONE["height"]})
        here = found[str(width)] = await too_wide(page)
        if width in (PHONE["width"], DESKTOP["width"]):
            here += await page.evaluate(_OWN)
            but = [] if width == PHONE["width"] else _COLOUR
            here += await page.evaluate(_AXE, [[], but]) if axe else []
    if dark:
        await page.emulate_media(color_scheme="dark")
        here = found["dark"] = await page.evaluate(_OWN)
        here += await page.evaluate(_AXE, [_COLOUR, []]) if axe else []
        await page.emulate_media(color_scheme="light")
    if size is not None and size != page.viewport_size:
        await page.set_viewport_size(size)
    return [f"{where}: {fault}" for where, faults in found.items() for fault in faults]


async def too_wide(page: Page) -> list[str]:
    """Whether the page has to be moved sideways to be read."""
    needed, has = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    return [f"needs {needed} px, has {has}"] if needed > has else []


async def axe_faults_of(page: Page) -> list[str]:
    """What axe-core finds: its rule and the element.

    Of a light page all of it, on a phone and on a desk; of a dark one the colours. Where scripts
    are off it cannot look: the same page is walked with them.
    """
    if not await _axe_looks(page):
        return []
    if (await page.evaluate(_STATE))[2]:
        return sorted(await page.evaluate(_AXE, [_COLOUR, []]))
    size, found = page.viewport_size, set[str]()
    for wide, but in ((PHONE, []), (DESKTOP, _COLOUR)):
        await page.set_viewport_size(wide)
        found |= set(await page.evaluate(_AXE, [[], but]))
    if size is not None:
        await page.set_viewport_size(size)
    return sorted(found)


async def _axe_looks(page: Page) -> bool:
    """Whether axe-core can look at the page; it is there afterwards if it can."""
    script, there, _ = await page.evaluate(_STATE)
    if script and not there:
        await page.evaluate(AXE_SCRIPT)
    return bool(script)
