/**
 * The forms in which a secret may turn up in what a job prints: as it is, and as the usual tools write it down. Pure.
 *
 * Each form stands alone: no surrounding quotes, no white space at its ends, so that it is found wherever it is embedded.
 * A value of several lines is looked for line by line, because tools indent, wrap and number lines; as a whole only in
 * base64, and where none of its lines is long enough to be looked for alone.
 */

/** Characters below which a value, or one of its lines, is not looked for: it would blank out ordinary words. */
export const SHORTEST_NEEDLE = 4;
/** PowerShell paints a part of a value that holds `&`; shorter parts are too common to be looked for. */
const SHORTEST_PART = 6;

const utf8 = (text: string): Uint8Array => Buffer.from(text);

/** Whether `value` can be hidden at all. */
export function isMaskable(value: string): boolean {
  return Array.from(value.trim()).length >= SHORTEST_NEEDLE;
}

/** Every byte sequence to look for, each once, none shorter than 4 bytes. */
export function needlesOf(values: Iterable<string>): Uint8Array[] {
  const found = new Map<string, Uint8Array>();
  const add = (bytes: Uint8Array): void => {
    if (bytes.length >= SHORTEST_NEEDLE) {
      found.set(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1"), bytes);
    }
  };
  for (const value of values) {
    for (const part of partsOf(value)) {
      if (!isMaskable(part)) {
        continue;
      }
      const lines = part
        .split(/[\r\n]+/)
        .map((line) => line.trim())
        .filter(isMaskable);
      const whole = part.trim();
      for (const bytes of [...base64Forms(utf8(whole)), ...base64Forms(Buffer.from(whole, "utf16le"))]) {
        add(bytes);
      }
      if (lines.length === 0 || /[\r\n]/.test(whole)) {
        add(utf8(whole));
      }
      for (const line of lines.length === 0 ? [whole] : lines) {
        for (const form of textForms(line)) {
          add(utf8(form));
        }
        for (const bytes of line === whole ? [] : base64Forms(utf8(line))) {
          add(bytes);
        }
      }
    }
  }
  return [...found.values()];
}

/** The value, and what tools take out of it and print alone: the password of an address, what stands in quotes. */
function partsOf(value: string): string[] {
  const parts = [value];
  const unquoted = /^\s*(["'])(.*)\1\s*$/s.exec(value)?.[2];
  if (unquoted !== undefined) {
    parts.push(unquoted);
  }
  const userInfo = /^\s*[a-z][a-z0-9+.-]*:\/\/([^/?#\s]*)@/i.exec(value)?.[1];
  const password = userInfo === undefined ? undefined : /^[^:]*:(.*)$/s.exec(userInfo)?.[1];
  if (userInfo !== undefined && password !== undefined) {
    parts.push(userInfo, decoded(userInfo), password, decoded(password));
  }
  return parts;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What is the same wherever the value stands in what is encoded, for each of the three places it can begin at. */
function base64Forms(bytes: Uint8Array): Uint8Array[] {
  const forms: Uint8Array[] = [];
  for (const shift of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    // Characters before this one mix in bits of what stands before the value.
    const from = Math.ceil((shift * 8) / 6);
    const to = Math.floor(((shift + bytes.length) * 8) / 6);
    // With what follows unknown, and at the very end: there the last character holds the rest of its bits.
    for (const form of new Set([text.slice(from, to), text.slice(from)])) {
      forms.push(utf8(form), utf8(form.replaceAll("+", "-").replaceAll("/", "_")));
    }
  }
  return forms;
}

function textForms(text: string): Set<string> {
  const json = JSON.stringify(text).slice(1, -1);
  const forms = new Set([
    text,
    ...urlForms(text),
    json,
    json.replaceAll("/", String.raw`\/`),
    json.replaceAll("/", String.raw`\/`).replace(/[\u007f-\uffff]/g, unicodeEscape),
    // Go and others, so that JSON can stand in a page.
    json.replace(/[<>&]/g, unicodeEscape),
    // Python and others keep to ASCII.
    json.replace(/[\u007f-\uffff]/g, unicodeEscape),
    json.replace(/[<>&\u007f-\uffff]/g, unicodeEscape),
    // JSON inside a string of JSON.
    JSON.stringify(json).slice(1, -1),
    ...xmlForms(text),
    ...shellForms(text),
    ...powerShellForms(text),
  ]);
  return forms;
}

function unicodeEscape(character: string): string {
  return String.raw`\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function urlForms(text: string): string[] {
  const wellFormed = text.toWellFormed();
  const component = encodeURIComponent(wellFormed);
  const strict = component.replace(/[!'()*]/g, percent);
  const user = new URL("http://x");
  user.password = wellFormed;
  const forms = [
    component,
    strict,
    // Python's `quote` leaves the slash, its `quote_plus` and forms write a space as a plus sign.
    strict.replaceAll("%2F", "/"),
    strict.replaceAll("%20", "+"),
    new URLSearchParams([["", wellFormed]]).toString().slice(1),
    encodeURI(wellFormed),
    user.password,
  ];
  return [...forms, ...forms.map((form) => form.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()))];
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

function xmlForms(text: string): string[] {
  const body = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return [
    body,
    // Canonical XML leaves ">" in attributes, others escape it in text alone.
    text.replaceAll("&", "&amp;").replaceAll("<", "&lt;"),
    body.replaceAll('"', "&quot;"),
    ...["&apos;", "&#39;", "&#x27;", "&#039;"].flatMap((quote) => [
      body.replaceAll("'", quote),
      body.replaceAll('"', "&quot;").replaceAll("'", quote),
      body.replaceAll('"', "&#34;").replaceAll("'", quote),
    ]),
  ];
}

function shellForms(text: string): string[] {
  // As `printf %q` writes it, and as `set -x` does where a value holds control characters.
  const dollar = text
    .replace(/[\\']/g, String.raw`\$&`)
    .replaceAll("\n", String.raw`\n`)
    .replaceAll("\r", String.raw`\r`)
    .replaceAll("\t", String.raw`\t`)
    .replaceAll("\u001b", String.raw`\E`);
  return [
    text.replaceAll("'", String.raw`'\''`),
    text.replaceAll("'", `'"'"'`),
    text.replace(/["\\$`]/g, String.raw`\$&`),
    text.replace(/["\\$`!]/g, String.raw`\$&`),
    text.replace(/[^A-Za-z0-9_@%+=:,./\u0080-\u{10ffff}-]/gu, String.raw`\$&`),
    // Bash leaves these alone or not, depending on its version and on where they stand.
    text.replace(/[^A-Za-z0-9_@%+=:./\u0080-\u{10ffff}-]/gu, String.raw`\$&`),
    dollar,
    octal(dollar),
    // A Windows command line: quotes are escaped, and backslashes before them doubled.
    text.replace(/(\\*)"/g, String.raw`$1$1\"`),
    text.replaceAll('"', '""'),
  ];
}

/** Bytes beyond ASCII in octal, as a shell without a UTF-8 locale quotes them. */
function octal(text: string): string {
  return Array.from(Buffer.from(text), (byte) =>
    byte < 0x80 ? String.fromCharCode(byte) : `\\${byte.toString(8)}`,
  ).join("");
}

function powerShellForms(text: string): string[] {
  const forms = [
    text.replaceAll("'", "''"),
    text.replace(/[`"$]/g, "`$&"),
    text.replace(/[`"$']/g, "`$&"),
    text.replace(/[\s`"$'(){};,|&<>@#]/g, "`$&"),
  ];
  // Its error messages break a line at the last ampersand.
  const at = text.lastIndexOf("&");
  const parts = at === -1 ? [] : [text.slice(0, at), text.slice(at + 1)];
  return [...forms, ...parts.map((part) => part.trim()).filter((part) => part.length >= SHORTEST_PART)];
}
