/** Addresses in a log: only http and https, without user names, and never guessed. */

const MAX_ADDRESS = 2_048;
const ADDRESS = /https?:\/\/[^\s<>"'`\\^{}|\p{Cc}\u2028\u2029]+/gu;

/** The address in the browser's normal form (IDN hosts as punycode); null when it must not become a link. */
export function safeLink(text: string): string | null {
  if (text.length > MAX_ADDRESS || !/^https?:\/\//i.test(text)) {
    return null;
  }
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return null;
  }
  // `https://bank.example@evil.example` shows one host and opens another.
  const isPlain = (url.protocol === "http:" || url.protocol === "https:") && url.username === "" && url.password === "";
  return isPlain ? url.href : null;
}

export interface LinkPart {
  readonly text: string;
  readonly href?: string;
}

/** Splits text at the addresses it holds; the parts joined give the text again. */
export function autolink(text: string): readonly LinkPart[] {
  if (!text.includes("://")) {
    return [{ text }];
  }
  const parts: LinkPart[] = [];
  let at = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const shown = trimTail(match[0]);
    const href = safeLink(shown);
    if (href === null) {
      continue;
    }
    if (match.index > at) {
      parts.push({ text: text.slice(at, match.index) });
    }
    parts.push({ text: shown, href });
    at = match.index + shown.length;
  }
  if (at < text.length) {
    parts.push({ text: text.slice(at) });
  }
  return parts;
}

/** Punctuation after an address belongs to the sentence; a closing bracket stays when the address opened one. */
function trimTail(address: string): string {
  let end = address.length;
  while (end > 0) {
    const char = address.charAt(end - 1);
    const opens = { ")": "(", "]": "[" }[char];
    const isTail = ".,;:!?*".includes(char) || (opens !== undefined && !address.slice(0, end).includes(opens));
    if (!isTail) {
      break;
    }
    end -= 1;
  }
  return address.slice(0, end);
}
