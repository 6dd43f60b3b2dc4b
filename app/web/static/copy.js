// The buttons that copy what stands beside them, on every page that has some. Without this script,
// or where the browser cannot copy, they do not show and the text is selected by hand.

if (navigator.clipboard) document.documentElement.classList.add("copies");

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const live = document.getElementById("live");
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.classList.add("done");
    live.textContent = live.dataset.copied;
    setTimeout(() => button.classList.remove("done"), 2000);
  } catch {
    live.textContent = live.dataset.uncopied;
  }
});
