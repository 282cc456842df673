/** Hosts that a job may reach through the proxy of its runner. Plain functions without zod. */

export interface AllowedHost {
  /** Lower case; for an IPv6 address without brackets; `*.` in front stands for every name below. */
  readonly host: string;
  /** Null: 80 and 443. */
  readonly port: number | null;
}

const NAME = /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** Whose last part is a number is an address to every resolver. */
const NUMERIC = /(?:^|\.)[0-9]+$/;
const IPV4 = /^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!$)|$)){4}$/;
const RULE = /^(?:\[([0-9a-f:.]{2,45})\]|([^\s:[\]/@]+))(?::([0-9]{1,5}))?$/;

/**
 * Reads `example.com`, `*.example.com`, `192.0.2.7` or `[2001:db8::7]`, each with `:port` or without; null when it is
 * none of them. `*` alone and a pattern with a star elsewhere are none: a rule names whom it lets through.
 */
export function readAllowedHost(rule: string): AllowedHost | null {
  const [whole, bracketed, name, port] = RULE.exec(rule.length <= 260 ? rule.toLowerCase() : "") ?? [];
  if (whole === undefined || (port !== undefined && (Number(port) < 1 || Number(port) > 65_535))) {
    return null;
  }
  const host = bracketed ?? name ?? "";
  const valid = bracketed === undefined ? isName(host) : isIpv6(host);
  return valid ? { host, port: port === undefined ? null : Number(port) } : null;
}

/** Whether the rule lets a connection to `host` at `port` through. `host` is a name or an address without brackets. */
export function isHostAllowed(rule: AllowedHost, host: string, port: number): boolean {
  const asked = host.toLowerCase().replace(/\.$/, "");
  const named = rule.host.startsWith("*.")
    ? asked.endsWith(rule.host.slice(1)) && asked.length > rule.host.length - 1
    : asked === rule.host;
  return named && (rule.port === null ? port === 80 || port === 443 : port === rule.port);
}

function isName(text: string): boolean {
  return text.length <= 253 && NAME.test(text) && (!NUMERIC.test(text) || IPV4.test(text));
}

function isIpv6(text: string): boolean {
  try {
    return new URL(`http://[${text}]/`).hostname !== "";
  } catch {
    return false;
  }
}
