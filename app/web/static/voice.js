// The button that reads a page's sums aloud, in the page's language. It shows only where the browser
// can speak; without this script there is none, and everything it says stands on the page.

const button = document.getElementById("speak");
if (button && "speechSynthesis" in window) {
  button.hidden = false;
  button.addEventListener("click", () => {
    speechSynthesis.cancel();
    const said = new SpeechSynthesisUtterance(button.dataset.say);
    said.lang = document.documentElement.lang === "en" ? "en-GB" : "vi-VN";
    said.rate = 0.9;
    speechSynthesis.speak(said);
  });
}
