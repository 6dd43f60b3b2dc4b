// Whoever has signed out, on whichever page, leaves no list of a walk on this phone, nor its page.
// What was done and not sent stays (collect.js, `queue`): it may be about money.

function kept() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open("lephi-collect");
    // Nobody has walked with this browser: nothing is made.
    asked.onupgradeneeded = () => asked.transaction.abort();
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

await globalThis.caches?.delete("collect");
try {
  const database = await kept();
  const change = database.transaction("kept", "readwrite");
  change.objectStore("kept").delete("walk");
  await new Promise((resolve) => {
    change.oncomplete = change.onabort = resolve;
  });
  database.close();
} catch {
  // There is none.
}
document.documentElement.dataset.left = "yes";
