/** Moved here from the fragment, so that neither the address bar nor the history keeps it. One page is open at a time. */
let taken: string | null = null;

/** The token of this kind in the address of this page, or the one taken from it before; null without any. */
export function takeFragmentToken(prefix: string): string | null {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (found !== null && found !== "") {
    taken = found;
    history.replaceState(history.state, "", location.pathname + location.search);
  }
  return taken?.startsWith(prefix) === true ? taken : null;
}

/** Once it was used. */
export function forgetFragmentToken(): void {
  taken = null;
}
