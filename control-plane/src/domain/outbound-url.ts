/**
 * Whether the control plane may call a URL that somebody else chose: the one check before every request to a stranger
 * (`outbound/guarded-fetch.ts`), and when such a URL is saved.
 *
 * Parsers disagree about unusual spellings, and what one of them checks another one calls. So a URL is only accepted in
 * the spelling that every parser reads alike: printable ASCII, a scheme with `//`, no user, and a host that is written
 * as it is understood.
 */
import { AppError, echo } from "@cronium/protocol/errors";
import { specialUse } from "./global-address.ts";
import { formatIp, isWithin, parseIp, type IpAddress, type IpRange } from "./ip-address.ts";

export interface OutboundRules {
  /** Networks of the operator's own that may be called, also by http and by names without a dot. */
  readonly networks: readonly IpRange[];
  /** Hosts that are this installation itself, which must not call itself. */
  readonly ownHosts: readonly string[];
}

export type UrlFault = "malformed" | "too_long" | "scheme" | "user" | "port" | "host" | "own_host" | "address";

export type UrlVerdict =
  | {
      readonly ok: true;
      /** Exactly what was checked; send this and nothing else. */
      readonly url: URL;
      /** True where http, or a name that only some network knows, demands an address within `networks`. */
      readonly privateOnly: boolean;
      /** Null for a name, which is resolved before it is called. */
      readonly address: IpAddress | null;
    }
  | { readonly ok: false; readonly fault: UrlFault; readonly message: string };

const MAX_URL_CHARS = 2_048;
const MAX_HOST_CHARS = 253;
const HTTPS_PORT = 443;
const HTTP_PORT = 80;
/** Below, other protocols live that a request could be made to speak. */
const FIRST_FREE_PORT = 1_024;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** Names that no public DNS may hold: RFC 6761 and 6762, 7686, 8375, 9476, and ICANN's .internal. */
const LOCAL_NAMES = /(?:^|\.)(?:localhost|local|internal|test|invalid|example|onion|alt|home\.arpa)$/;

export function checkUrl(text: string, rules: OutboundRules): UrlVerdict {
  if (text.length > MAX_URL_CHARS) {
    return refuse("too_long", `is longer than ${MAX_URL_CHARS} characters`);
  }
  if (!/^[\x21-\x7e]+$/.test(text) || text.includes("\\")) {
    return refuse(
      "malformed",
      "holds a space, a backslash or a character beyond ASCII; write international names as xn--… and others as %…",
    );
  }
  const parts = /^([a-z][a-z0-9+.-]*):(?:\/\/([^/?#]*))?/i.exec(text);
  const scheme = parts?.[1]?.toLowerCase();
  if (scheme !== "https" && !(scheme === "http" && rules.networks.length > 0)) {
    return refuse("scheme", "must begin with https://");
  }
  const authority = parts?.[2] ?? "";
  if (authority.includes("@")) {
    return refuse("user", "must not hold a user or a password");
  }
  const split = /^(\[[^\]]*\]|[^:[\]]*)(?::(\d{1,5}))?$/.exec(authority);
  const host = split?.[1]?.toLowerCase() ?? "";
  if (split === null || host === "" || !URL.canParse(text)) {
    return refuse("malformed", "has no host that can be read");
  }
  const url = new URL(text);
  const port = split[2] === undefined ? (scheme === "http" ? HTTP_PORT : HTTPS_PORT) : Number(split[2]);
  if (port > 65_535 || (port < FIRST_FREE_PORT && port !== (scheme === "http" ? HTTP_PORT : HTTPS_PORT))) {
    return refuse(
      "port",
      `must use port ${scheme === "http" ? HTTP_PORT : HTTPS_PORT}, or one above ${FIRST_FREE_PORT - 1}`,
    );
  }
  return checkHost(url, host, rules);
}

function checkHost(url: URL, host: string, rules: OutboundRules): UrlVerdict {
  if (rules.ownHosts.includes(host) || rules.ownHosts.includes(url.host)) {
    return refuse("own_host", "is this installation itself");
  }
  const address = parseIp(host.startsWith("[") ? host.slice(1, -1) : host);
  if (address !== null && (address.version === 6) === host.startsWith("[")) {
    const fault = addressFault(address, url.protocol === "http:", rules);
    return fault === null ? { ok: true, url, privateOnly: false, address } : refuse("address", fault);
  }
  const labels = host.split(".");
  const isName = host.length <= MAX_HOST_CHARS && labels.every((label) => LABEL.test(label));
  // 2130706433, 0x7f.1 and 127.1 are numbers to some parsers; no top-level name begins with a digit.
  if (!isName || /^\d/.test(labels.at(-1) ?? "") || url.hostname !== host) {
    return refuse("host", `names the host ${echo(host)}, which is no domain name and no IP address in its usual form`);
  }
  const isLocalName = labels.length === 1 || LOCAL_NAMES.test(host);
  if (isLocalName && rules.networks.length === 0) {
    return refuse("host", `names the host ${echo(host)}, which is not on the public internet`);
  }
  return { ok: true, url, privateOnly: isLocalName || url.protocol === "http:", address: null };
}

/** Why an address may not be called, as the end of a sentence; null when it may. */
export function addressFault(address: IpAddress, privateOnly: boolean, rules: OutboundRules): string | null {
  if (rules.networks.some((network) => isWithin(address, network))) {
    return null;
  }
  const use = specialUse(address);
  if (use !== null) {
    return `leads to ${formatIp(address)} (${use}), which is not on the public internet`;
  }
  return privateOnly ? "must begin with https://, except within the networks of this installation" : null;
}

/** The URL, or a refusal for whoever wants to save it. `pointer` is the place of the field in the body. */
export function requireUrl(text: string, rules: OutboundRules, pointer: string): URL {
  const verdict = checkUrl(text, rules);
  if (verdict.ok) {
    return verdict.url;
  }
  throw new AppError("url_not_allowed", `${pointer}: the URL ${verdict.message}.`, {
    errors: [{ pointer, code: "url_not_allowed", message: verdict.message }],
    context: { reason: verdict.fault },
  });
}

function refuse(fault: UrlFault, message: string): UrlVerdict {
  return { ok: false, fault, message };
}
