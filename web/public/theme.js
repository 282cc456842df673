// Runs before the first paint, as a file of its own so that the content security policy needs no exception.
// Stores and reads the same key as src/lib/theme.ts.
(function () {
  var choice = null;
  try {
    choice = localStorage.getItem("cronium.theme");
  } catch {
    // Storage is off: the system's choice holds.
  }
  if (choice === "light" || choice === "dark") {
    document.documentElement.dataset.theme = choice;
  }
})();
