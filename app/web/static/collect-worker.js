// Gives the collector's page when there is no network, or none that answers in time. What the page
// has kept (collect.js, `keep`) is all that is given; nothing else of the service is touched.

const KEPT = "collect";
const PATIENCE = 5000;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

async function fromNetwork(request) {
  let late;
  const patience = new Promise((_, reject) => {
    late = setTimeout(() => reject(new Error("late")), PATIENCE);
  });
  try {
    return await Promise.race([fetch(request), patience]);
  } finally {
    clearTimeout(late);
  }
}

async function page(request) {
  const kept = await (await caches.open(KEPT)).match("/collect");
  if (!kept) return fetch(request);
  try {
    return await fromNetwork(request);
  } catch {
    return kept;
  }
}

async function file(request) {
  const kept = await (await caches.open(KEPT)).match(request);
  return kept || fetch(request);
}

self.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const at = new URL(url);
  if (method !== "GET" || at.origin !== self.location.origin) return;
  if (mode === "navigate" && at.pathname === "/collect") event.respondWith(page(event.request));
  else if (at.pathname.startsWith("/static/") || at.pathname === "/collect/manifest.json") {
    event.respondWith(file(event.request));
  }
});
