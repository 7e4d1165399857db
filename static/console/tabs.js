/* On a narrow screen the tabs scroll sideways: the one of this page is brought into view, without moving the page. */

export function startTabs() {
  const tab = document.querySelector(".tabs [aria-current]");
  const row = tab?.closest(".tabs");
  if (row) row.scrollLeft = tab.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
}
