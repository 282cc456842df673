/**
 * Opaque tokens: a prefix that scanners recognise, a payload, and a checksum that tells a mangled copy from a wrong one
 * before anything is looked up.
 *
 *     crnk_<43 characters>_<checksum>                    API key
 *     crnr_<base64url of the plane's address>.<43 characters>_<checksum>   registration token
 *     crnc_<43 characters>_<checksum>                    claim link of the owner account
 *     crnd_<43 characters>_<checksum>                    device code: a program's login that waits for a person
 *     crni_<43 characters>_<checksum>                    invitation into a workspace
 *     crnl_<43 characters>_<checksum>                    link about an account: new password, new account, address
 *     crns_<43 characters>_<checksum>                    a sign-in that waits for its second factor
 *
 * The secret is base64url of 32 random bytes; the checksum is CRC-32 of everything before the last underscore, as 8
 * lower-case hex digits. Only the SHA-256 of the whole token is ever stored.
 */

export const tokenPrefixes = {
  apiKey: "crnk_",
  registration: "crnr_",
  claim: "crnc_",
  device: "crnd_",
  invitation: "crni_",
  accountLink: "crnl_",
  signIn: "crns_",
} as const;
export type TokenKind = keyof typeof tokenPrefixes;

/** A new token. `random` is 32 bytes; `url` is needed for a registration token and no other. */
export function makeToken(kind: TokenKind, random: Uint8Array, url?: string): string {
  const address = url === undefined ? "" : `${base64url(new TextEncoder().encode(url))}.`;
  const body = `${tokenPrefixes[kind]}${address}${base64url(random)}`;
  return `${body}_${checksum(body)}`;
}

/** Whether `text` is a whole token of this kind, by form and checksum. */
export function isWholeToken(kind: TokenKind, text: string): boolean {
  const cut = text.lastIndexOf("_");
  const form =
    kind === "registration"
      ? /^crnr_[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}_[0-9a-f]{8}$/
      : /^crn[kcdils]_[A-Za-z0-9_-]{43}_[0-9a-f]{8}$/;
  return (
    text.length <= 1_024 &&
    text.startsWith(tokenPrefixes[kind]) &&
    form.test(text) &&
    checksum(text.slice(0, cut)) === text.slice(cut + 1)
  );
}

/** The control plane's address inside a registration token; null when the token is not whole. */
export function tokenUrl(token: string): string | null {
  if (!isWholeToken("registration", token)) {
    return null;
  }
  const encoded = token.slice(tokenPrefixes.registration.length, token.indexOf("."));
  try {
    const binary = atob(encoded.replaceAll("-", "+").replaceAll("_", "/"));
    return new TextDecoder().decode(Uint8Array.from(binary, (char) => char.charCodeAt(0)));
  } catch {
    return null;
  }
}

export function base64url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) {
    binary += String.fromCharCode(byte);
  }
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function checksum(text: string): string {
  let crc = 0xffffffff;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) {
      crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
  }
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}
