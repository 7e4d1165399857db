/* Loads a document's page again while it is being indexed; not while somebody has a dialog open. */

setTimeout(() => {
  if (!document.querySelector("dialog[open]")) window.location.reload();
}, 2000);
