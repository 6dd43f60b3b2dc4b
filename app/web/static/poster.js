// The button that prints the poster; without this script the browser's own menu does.

const button = document.getElementById("print");
if (button && document.querySelector(".poster")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
