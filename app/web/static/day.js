// A day's list by keyboard alone. Every key does what a link or a button of the page does, so that
// without this script nothing is lost. Keys count only while nobody is typing into a field.

const bench = document.getElementById("bench");
const form = document.getElementById("resolve");

function move(by) {
  const rows = [...bench.querySelectorAll(".work a")];
  const here = rows.findIndex((row) => row.hasAttribute("aria-current"));
  const next = rows[Math.min(Math.max(here + by, 0), rows.length - 1)];
  if (next && next !== rows[here]) location.assign(next.href);
}

function press(key) {
  const found = document.querySelector(`[data-key="${key}"]`);
  if (found instanceof HTMLFormElement) found.requestSubmit();
  else found?.click();
}

function choose(place) {
  const ways = form ? [...form.querySelectorAll('input[name="kind"]')] : [];
  const way = ways[place];
  if (!way) return;
  way.checked = true;
  way.dispatchEvent(new Event("change", { bubbles: true }));
  if (way.value === "assign") form.elements.bill.focus();
}

// Which reason is written down where nobody types another.
form?.addEventListener("change", (event) => {
  const usual = event.target.dataset.reason;
  if (usual) document.getElementById("usual").textContent = usual;
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const at = event.target;
  const typing = at instanceof HTMLInputElement && at.type !== "radio";
  if (typing && event.key === "Escape") bench.focus();
  if (typing) return;
  const choosing = at instanceof HTMLInputElement;
  const elsewhere = at !== document.body && !bench.contains(at);
  if (elsewhere) return;
  if (event.key === "j" || (event.key === "ArrowDown" && !choosing)) move(1);
  else if (event.key === "k" || (event.key === "ArrowUp" && !choosing)) move(-1);
  else if (/^[1-9]$/.test(event.key)) choose(Number(event.key) - 1);
  else if (["r", "u", "a"].includes(event.key)) press(event.key);
  else if (event.key === "Enter" && at === bench) form?.requestSubmit();
  else return;
  event.preventDefault();
});

// Nothing is sent twice by an impatient finger; the server would do it once anyway.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});

bench.querySelector(".work a[aria-current]")?.scrollIntoView({ block: "nearest" });
bench.focus({ preventScroll: true });
