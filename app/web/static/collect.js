// The collector's walk. Whatever is done is written into this phone's own database first, with the
// number of its slip, in one transaction that is on the disk before anything is shown as done. It is
// taken out of the queue only once the server has answered for it by its id, so a network or a
// battery that goes away costs nothing: what was not answered is sent again, and taken once.

const body = document.getElementById("walk");
const words = JSON.parse(body.dataset.words);
const english = document.documentElement.lang === "en";
const NAME = "lephi-collect";
const AT_ONCE = 50;

const byId = (id) => document.getElementById(id);
const say = (key, values = {}) =>
  Object.entries(values).reduce((text, [name, value]) => text.replace(`{${name}}`, value), words[key]);
const money = (amount) =>
  `${String(amount).replace(/\B(?=(\d{3})+(?!\d))/g, english ? "," : ".")} ${english ? "VND" : "đ"}`;
const slip = (number) => `PT-${String(number).padStart(6, "0")}`;
const named = (thing) => (english && thing.name_en) || thing.name;
const VIETNAM = { timeZone: "Asia/Ho_Chi_Minh" };
const today = () => new Date().toLocaleDateString("en-CA", VIETNAM);

// The phone's own database: `queue` what is to be sent, `notices` what came back otherwise than it
// was told, `kept` the last walk, the numbers of slips, and what this phone calls itself.

function opened() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("queue", { keyPath: "id" });
      asked.result.createObjectStore("notices", { keyPath: "id" });
      asked.result.createObjectStore("kept");
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

const database = await opened();

function reading(store, key) {
  return new Promise((resolve, reject) => {
    const of = database.transaction(store).objectStore(store);
    const asked = key === undefined ? of.getAll() : of.get(key);
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

// Done when it is on the disk, not when it was handed over.
function writing(stores, work) {
  return new Promise((resolve, reject) => {
    const change = database.transaction(stores, "readwrite", { durability: "strict" });
    let result;
    change.oncomplete = () => resolve(result);
    change.onerror = () => reject(change.error);
    change.onabort = () => reject(change.error || new Error("aborted"));
    work(change, (value) => (result = value));
  });
}

let device = await reading("kept", "device");
if (!device) {
  device = crypto.randomUUID();
  await writing(["kept"], (change) => change.objectStore("kept").put(device, "device"));
}
let walk = await reading("kept", "walk");
let queue = [];
let notices = [];
let chosen = null;
let state = "asking";

const staff = () => body.dataset.staff;
const numbersOf = () => `numbers:${staff()}`;

function nextNumber(numbers) {
  if (!numbers) return null;
  const gone = new Set(numbers.gone);
  for (const block of numbers.blocks) {
    for (let number = block.first; number <= block.last; number += 1) {
      if (!gone.has(number)) return number;
    }
  }
  return null;
}

// Writes an action down, with the next number where it needs one; the action, or null where there
// is no number left. Both are one transaction: no number is given twice, whatever ends in between.
async function record(action, numbered) {
  const made = {
    id: crypto.randomUUID(),
    device,
    done_at: new Date().toISOString(),
    ...action,
  };
  const written = await writing(["queue", "kept"], (change, give) => {
    const put = () => change.objectStore("queue").put({ id: made.id, staff: staff(), action: made });
    if (!numbered) {
      put();
      give(made);
      return;
    }
    const kept = change.objectStore("kept");
    const asked = kept.get(numbersOf());
    asked.onsuccess = () => {
      const numbers = asked.result;
      const number = made.number ?? nextNumber(numbers);
      if (number === null || number === undefined) return give(null);
      made.number = number;
      numbers.gone.push(number);
      kept.put(numbers, numbersOf());
      put();
      give(made);
      return undefined;
    };
  });
  await refresh();
  if (written) sync();
  return written;
}

// Takes out what the server has answered for, and nothing else.
async function answered(answers) {
  await writing(["queue", "notices"], (change) => {
    for (const answer of answers) {
      const of = queue.find((one) => one.id === answer.id);
      if (!of) continue;
      if (answer.outcome !== "taken") {
        change.objectStore("notices").put({ ...of, why: answer.why, outcome: answer.outcome });
      }
      change.objectStore("queue").delete(answer.id);
    }
  });
}

async function keepNumbers(told) {
  await writing(["kept"], (change) => {
    const kept = change.objectStore("kept");
    const asked = kept.get(numbersOf());
    asked.onsuccess = () => {
      const gone = new Set(asked.result ? asked.result.gone : []);
      told.forEach((block) => block.gone.forEach((number) => gone.add(number)));
      const blocks = told.map(({ first, last }) => ({ first, last }));
      const within = (number) => blocks.some((b) => b.first <= number && number <= b.last);
      kept.put({ blocks, gone: [...gone].filter(within) }, numbersOf());
    };
  });
}

async function loadWalk() {
  const wanted = walk?.market ? `?market=${encodeURIComponent(walk.market)}` : "";
  const answer = await fetch(`/collect/walk${wanted}`, { redirect: "manual", cache: "no-store" });
  if (!answer.ok) throw new SignedOut();
  const told = await answer.json();
  if (told.staff !== staff()) {
    // Somebody else has signed in on this phone: the page is theirs, what waits is not.
    location.reload();
    throw new SignedOut();
  }
  walk = told;
  await writing(["kept"], (change) => change.objectStore("kept").put(walk, "walk"));
  document.querySelectorAll('input[name="form_token"]').forEach((field) => {
    field.value = walk.form_token;
  });
}

class SignedOut extends Error {}

async function send(some) {
  const form = new FormData();
  form.set("form_token", walk.form_token);
  form.set("actions", JSON.stringify(some.map((one) => one.action)));
  const answer = await fetch(`/collect/actions?device=${device}`, {
    method: "POST",
    body: form,
    redirect: "manual",
  });
  if (!answer.ok || !(answer.headers.get("content-type") || "").includes("json")) {
    if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) {
      throw new SignedOut();
    }
    throw new Error(`status ${answer.status}`);
  }
  return answer.json();
}

let syncing = null;
let again = false;

function sync() {
  again = true;
  syncing ??= (async () => {
    while (again) {
      again = false;
      await syncOnce();
    }
    syncing = null;
  })();
  return syncing;
}

async function syncOnce() {
  try {
    await refresh(); // another tab may have written
    // Whose the session is, before anything is sent in its name.
    await loadWalk();
    do {
      const mine = queue.filter((one) => one.staff === staff()).slice(0, AT_ONCE);
      const told = await send(mine);
      await answered(told.answers);
      await keepNumbers(told.numbers);
      await refresh();
      // A batch of which nothing was answered would be sent for ever.
      if (mine.length && !told.answers.length) break;
    } while (queue.some((one) => one.staff === staff()));
    await loadWalk();
    state = "online";
  } catch (error) {
    state = error instanceof SignedOut ? "signed_out" : "offline";
  }
  await refresh();
}

// What is shown.

async function refresh() {
  queue = await reading("queue");
  // What came back to somebody else is theirs to read, and to put away.
  notices = (await reading("notices")).filter((one) => one.staff === staff());
  if (walk && walk.staff !== staff()) walk = null;
  show();
}

const filled = (id, change) => {
  const made = byId(id).content.firstElementChild.cloneNode(true);
  change((name) => made.querySelector(`[data-is="${name}"]`), made);
  return made;
};

const waitingFor = (stall) =>
  queue
    .filter((one) => one.action.kind === "cash" && one.action.stall === stall.id)
    .reduce((sum, one) => sum + one.action.amount, 0);
const owedAt = (stall) => Math.max(stall.owed - waitingFor(stall), 0);

function matches(stall, typed) {
  const wanted = typed.trim().toUpperCase();
  if (!wanted) return true;
  return stall.code.toUpperCase().includes(wanted) || wanted.includes(stall.reference);
}

function show() {
  const mine = queue.filter((one) => one.staff === staff()).length;
  const others = queue.length - mine;
  byId("net").textContent = words[state];
  byId("net").dataset.state = state;
  byId("count").textContent = say("waiting", { count: mine });
  byId("count").dataset.count = mine;
  byId("others").hidden = !others;
  byId("others").textContent = say("others", { count: others });
  byId("sign-in").hidden = state !== "signed_out";
  const list = byId("notices");
  list.replaceChildren(
    ...notices.map((one) =>
      filled("notice-of", (is, made) => {
        is("what").textContent = what(one.action);
        is("why").textContent = (one.why || []).join(" ");
        is("read").dataset.read = one.id;
        made.dataset.id = one.id;
      }),
    ),
  );
  byId("looked").hidden = !notices.length;
  const typed = byId("find").value;
  const owing = byId("owing").checked;
  const stalls = (walk?.stalls || []).filter(
    (stall) => matches(stall, typed) && (!owing || owedAt(stall) > 0),
  );
  byId("stalls").replaceChildren(
    ...stalls.map((stall) =>
      filled("stall-of", (is, made) => {
        made.querySelector("button").dataset.stall = stall.id;
        is("code").textContent = stall.code;
        const owed = owedAt(stall);
        is("owed").textContent = owed ? money(owed) : words.paid;
        made.classList.toggle("paid", !owed);
        const waits = waitingFor(stall);
        is("more").textContent = waits
          ? say("taken", { amount: money(waits) })
          : stall.held
            ? ""
            : words.empty;
      }),
    ),
  );
  byId("none").hidden = Boolean(stalls.length) || !walk;
  byId("unloaded").hidden = Boolean(walk);
  byId("tickets").replaceChildren(
    ...(walk?.tickets || []).map((ticket) =>
      filled("ticket-of", (is, made) => {
        is("name").textContent = named(ticket);
        is("price").textContent = money(ticket.price);
        made.dataset.code = ticket.code;
        const input = made.querySelector("input");
        const label = made.querySelector("label");
        input.id = `count-${ticket.code}`;
        label.htmlFor = input.id;
      }),
    ),
  );
  byId("selling").hidden = !walk?.tickets?.length;
  const markets = walk?.markets || [];
  byId("markets").hidden = markets.length < 2;
  byId("market").replaceChildren(
    ...markets.map((one) => new Option(named(one), one.id, false, one.id === walk.market)),
  );
  byId("as-of").textContent = walk
    ? say("as_of", { at: new Date(walk.at).toLocaleString(english ? "en-GB" : "vi-VN", VIETNAM) })
    : "";
}

function what(action) {
  const stall = walk?.stalls.find((one) => one.id === action.stall);
  const parts = [words[`kind_${action.kind}`]];
  if (stall) parts.push(stall.code);
  if (action.amount) parts.push(money(action.amount));
  if (action.number) parts.push(slip(action.number));
  if (action.kind === "reading") parts.push(String(action.shows));
  return parts.join(" · ");
}

function openStall(id) {
  chosen = walk?.stalls.find((one) => one.id === id) || null;
  if (!chosen) return;
  const owed = owedAt(chosen);
  byId("stall-name").textContent = say("stall", { code: chosen.code });
  byId("stall-owed").textContent = owed ? say("owes", { amount: money(owed) }) : words.paid;
  byId("stall-since").textContent =
    owed && chosen.since ? say("since", { day: chosen.since.split("-").reverse().join("/") }) : "";
  const form = byId("cash");
  form.elements.amount.value = owed || "";
  byId("cash-fault").textContent = "";
  byId("reading-fault").textContent = "";
  byId("reading").elements.shows.value = "";
  showReading();
  appear("stall");
}

function showReading() {
  const meter = byId("reading").elements.meter.value;
  const last = chosen?.readings[meter];
  byId("reading-last").textContent = last
    ? say("last", { shows: last.shows, day: last.on.split("-").reverse().join("/") })
    : "";
}

function showSlip(action, title) {
  byId("slip-number").textContent = slip(action.number);
  byId("slip-what").textContent = title;
  byId("slip-amount").textContent = money(action.amount);
  byId("slip-at").textContent = new Date(action.done_at).toLocaleString(english ? "en-GB" : "vi-VN", VIETNAM);
  appear("slip");
}

const typedAmount = (text) => {
  const plain = text.trim().replace(/\s|đ/g, "");
  return /^\d{1,3}([.,]\d{3})*$|^\d+$/.test(plain) ? Number(plain.replace(/[.,]/g, "")) : 0;
};

// A wet finger touches twice. What has just appeared, or was just uncovered, is not pressed by the
// second touch: else a stall that is opened would have its cash taken at once.
const SETTLES_MS = 500;
let changed = -SETTLES_MS;
let touched = false;
const settle = () => (changed = performance.now());
function appear(id) {
  byId(id).showModal();
  settle();
}
addEventListener("pointerdown", (event) => (touched = event.pointerType === "touch"), true);
addEventListener(
  "click",
  (event) => {
    if (!event.isTrusted || !touched || performance.now() - changed >= SETTLES_MS) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  true,
);
document.querySelectorAll("dialog").forEach((one) => one.addEventListener("close", settle));

// Twice pressed is done once: while one is being written, another is not begun.
let busy = false;
async function once(work) {
  if (busy) return;
  busy = true;
  try {
    await work();
  } catch {
    appear("unwritten");
  } finally {
    busy = false;
  }
}

byId("cash").addEventListener("submit", (event) => {
  event.preventDefault();
  once(async () => {
    const amount = typedAmount(byId("cash").elements.amount.value);
    if (!amount || amount > 1e10) {
      byId("cash-fault").textContent = words.no_amount;
      return;
    }
    const stall = chosen;
    const told = { kind: "cash", stall: stall.id, amount, owed: owedAt(stall) };
    const made = await record(told, true);
    if (!made) {
      byId("cash-fault").textContent = words.no_number;
      return;
    }
    byId("stall").close();
    showSlip(made, say("stall", { code: stall.code }));
  });
});

byId("reading").addEventListener("submit", (event) => {
  event.preventDefault();
  once(async () => {
    const fields = byId("reading").elements;
    const shows = Number(fields.shows.value);
    if (!/^\d{1,9}$/.test(fields.shows.value.trim())) {
      byId("reading-fault").textContent = words.no_reading;
      return;
    }
    const meter = fields.meter.value;
    const told = { kind: "reading", stall: chosen.id, meter, shows, read_on: today() };
    await record(told, false);
    chosen.readings[meter] = { shows, on: told.read_on };
    byId("stall").close();
    tell(words.written);
  });
});

byId("reading").elements.meter.addEventListener("change", showReading);

byId("visit").addEventListener("click", (event) => {
  const finding = event.target.closest("button")?.dataset.finding;
  if (!finding) return;
  once(async () => {
    await record({ kind: "visit", stall: chosen.id, finding }, false);
    byId("stall").close();
    tell(words.written);
  });
});

byId("tickets").addEventListener("submit", (event) => {
  event.preventDefault();
  const row = event.target.closest("[data-code]");
  once(async () => {
    const ticket = walk.tickets.find((one) => one.code === row.dataset.code);
    const quantity = Number(row.querySelector("input").value);
    if (!Number.isInteger(quantity) || quantity < 1 || quantity > 100) return;
    const amount = ticket.price * quantity;
    const told = { kind: "ticket", market: walk.market, code: ticket.code, quantity, amount };
    const made = await record(told, true);
    if (!made) tell(words.no_number);
    else showSlip(made, `${quantity} × ${named(ticket)}`);
  });
});

byId("void").addEventListener("click", () =>
  once(async () => {
    const numbers = await reading("kept", numbersOf());
    const number = nextNumber(numbers);
    if (number === null) {
      tell(words.no_number);
      return;
    }
    byId("void-number").textContent = slip(number);
    byId("voiding").dataset.number = number;
    appear("voiding");
  }),
);

byId("void-yes").addEventListener("click", () =>
  once(async () => {
    await record({ kind: "void", number: Number(byId("voiding").dataset.number) }, true);
    byId("voiding").close();
    tell(words.written);
  }),
);

function tell(text) {
  byId("live").textContent = text;
  byId("told").textContent = text;
}

byId("stalls").addEventListener("click", (event) => {
  const pressed = event.target.closest("[data-stall]");
  if (pressed) openStall(pressed.dataset.stall);
});
byId("notices").addEventListener("click", async (event) => {
  const id = event.target.closest("[data-read]")?.dataset.read;
  if (!id) return;
  await writing(["notices"], (change) => change.objectStore("notices").delete(id));
  await refresh();
});
document.querySelectorAll("[data-close]").forEach((button) =>
  button.addEventListener("click", () => button.closest("dialog").close()),
);
byId("find").addEventListener("input", () => {
  show();
  const found = (walk?.stalls || []).filter((stall) => byId("find").value.includes(stall.reference));
  if (found.length === 1) openStall(found[0].id);
});
byId("owing").addEventListener("change", show);
byId("sync").addEventListener("click", () => sync());
byId("market").addEventListener("change", async () => {
  walk = { ...walk, market: byId("market").value };
  await sync();
});

// Whoever signs out leaves what waits on the phone, and is told so before; the page and the list go.
// Without a network nobody is signed out, so the page stays.
byId("sign-out").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!navigator.onLine) {
    tell(words.offline);
    return;
  }
  const waits = queue.filter((one) => one.staff === staff()).length;
  if (waits && !confirm(say("leaving", { count: waits }))) return;
  await caches.delete("collect");
  await writing(["kept"], (change) => change.objectStore("kept").delete("walk"));
  event.target.submit();
});
addEventListener("online", () => sync());
addEventListener("offline", () => {
  state = "offline";
  show();
});

// A sticker is read by the camera where the browser can; its code or the stall's is typed otherwise.
if ("BarcodeDetector" in globalThis && navigator.mediaDevices) {
  byId("scan").hidden = false;
  byId("scan").addEventListener("click", scan);
} else {
  byId("unscanned").hidden = false;
}

async function scan() {
  const view = byId("camera");
  let stream = null;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    view.srcObject = stream;
    byId("scanned").textContent = "";
    appear("scanning");
    await view.play();
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    while (byId("scanning").open) {
      const codes = await detector.detect(view);
      const stall = walk?.stalls.find((one) =>
        codes.some((code) => code.rawValue.includes(one.reference)),
      );
      if (stall) {
        byId("scanning").close();
        openStall(stall.id);
        return;
      }
      // Silence would have a collector hold the phone before another market's sticker for ever.
      byId("scanned").textContent = codes.length ? words.other_sticker : "";
      await new Promise((drawn) => setTimeout(drawn, 250));
    }
  } catch {
    byId("scanning").close();
    tell(words.no_camera);
  } finally {
    stream?.getTracks().forEach((track) => track.stop());
  }
}

// The page keeps itself: its files and its shell, so that it opens without a network.
async function keep() {
  if (!("serviceWorker" in navigator)) return;
  await navigator.serviceWorker.register("/collect/worker.js", { scope: "/collect" });
  const kept = await caches.open("collect");
  const files = JSON.parse(body.dataset.kept);
  const shell = await fetch("/collect", { redirect: "manual", cache: "no-store" });
  if (!shell.ok) return;
  await kept.addAll(files);
  await kept.put("/collect", shell);
  const wanted = new Set([...files, "/collect"].map((path) => new URL(path, location.href).href));
  for (const request of await kept.keys()) {
    if (!wanted.has(request.url)) await kept.delete(request);
  }
  await navigator.serviceWorker.ready;
  body.dataset.ready = "yes";
}

navigator.storage?.persist?.();
await refresh();
keep().catch(() => {});
setInterval(() => {
  if (queue.some((one) => one.staff === staff()) || state !== "online") sync();
}, 20000);
await sync();
body.dataset.shown = "yes";
