/** The reader's choice of theme. `public/theme.js` reads the same key before the first paint. */

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const KEY = "cronium.theme";

export function currentTheme(): Theme {
  const choice = document.documentElement.dataset["theme"];
  return choice === "light" || choice === "dark" ? choice : "system";
}

export function chooseTheme(theme: Theme): void {
  if (theme === "system") {
    delete document.documentElement.dataset["theme"];
  } else {
    document.documentElement.dataset["theme"] = theme;
  }
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Storage is off: the choice lasts until the page is closed.
  }
}
