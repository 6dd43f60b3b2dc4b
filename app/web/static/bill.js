// Watches a bill while its page is open: asks for a short version, and fetches the page again only
// when that has changed. Without this script the page says the same and is renewed by hand.

const QUICK = 3000;
const SLOW = 15000;
const QUICK_FOR = 10 * 60 * 1000;

const began = Date.now();
const live = document.getElementById("live");
let main = document.getElementById("main");
let timer;
let asking = false;
let misses = 0;

function dress() {
  const pace = document.getElementById("pace");
  if (pace) pace.hidden = false;
}

async function fetched(address, type) {
  const answer = await fetch(address, { headers: { Accept: type }, cache: "no-store" });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer;
}

async function renew() {
  const address = new URL(location.href);
  const text = await (await fetched(address, "text/html")).text();
  const page = new DOMParser().parseFromString(text, "text/html");
  const next = page.getElementById("main");
  if (!next) throw new Error("no page");
  // What the page may lead to, and which scripts it has, was said when it was loaded.
  const needs = "form, [data-copy]";
  if (next.querySelector(needs) && !main.querySelector(needs)) {
    location.replace(address);
    return;
  }
  const focused = main.contains(document.activeElement);
  main.replaceWith(document.adoptNode(next));
  main = next;
  document.title = page.title;
  history.replaceState(null, "", address);
  if (focused) main.focus({ preventScroll: true });
  live.textContent = main.dataset.say;
  if (main.querySelector(".bill.paid")) scrollTo({ top: 0 });
  dress();
}

async function ask() {
  if (asking || !main.dataset.state) return;
  asking = true;
  clearTimeout(timer);
  try {
    const { version } = await (await fetched(main.dataset.state, "application/json")).json();
    if (version !== main.dataset.version) await renew();
    if (misses > 2) live.textContent = live.dataset.back;
    misses = 0;
  } catch {
    misses += 1;
    if (misses === 3) live.textContent = live.dataset.lost;
  }
  asking = false;
  plan();
}

function plan() {
  if (!main.dataset.state || document.hidden) return;
  timer = setTimeout(ask, Date.now() - began < QUICK_FOR && misses < 3 ? QUICK : SLOW);
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden) ask();
});

dress();
plan();
