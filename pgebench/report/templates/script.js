// Sorting: a click on a title sorts its table, a second click turns the order round; cells without a value stay last.
document.querySelectorAll("th button").forEach(button => button.addEventListener("click", () => {
  const th = button.closest("th"), body = th.closest("table").tBodies[0], column = th.cellIndex;
  const up = th.getAttribute("aria-sort") === "descending";
  th.parentNode.querySelectorAll("th").forEach(other => other.removeAttribute("aria-sort"));
  th.setAttribute("aria-sort", up ? "ascending" : "descending");
  const key = row => row.cells[column].dataset.sort;
  const compare = (a, b) => isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b;
  [...body.rows].sort((a, b) => {
    const x = key(a), y = key(b);
    if (x === "" || y === "") return (x === "") - (y === "");
    return up ? compare(x, y) : compare(y, x);
  }).forEach(row => body.append(row));
}));
// What the thing under the pointer (or finger) is.
const say = document.getElementById("say");
addEventListener("pointerover", event => {
  const text = event.target.dataset && event.target.dataset.say;
  say.hidden = !text;
  if (!text) return;
  say.textContent = text;
  say.style.left = Math.max(8, Math.min(event.clientX + 12, innerWidth - say.offsetWidth - 8)) + "px";
  say.style.top = Math.max(8, event.clientY - say.offsetHeight - 12) + "px";
});
addEventListener("scroll", () => { say.hidden = true; }, true);
