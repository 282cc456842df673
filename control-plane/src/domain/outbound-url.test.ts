import { AppError, echo } from "@cronium/protocol/errors";
import { specialBlocks } from "@cronium/protocol/special-addresses";
import { test } from "vitest";
import { specialUse } from "./global-address.ts";
import { isWithin, parseIp, parseRange } from "./ip-address.ts";
import { checkUrl, type OutboundRules, requireUrl } from "./outbound-url.ts";

const strict: OutboundRules = { networks: [], ownHosts: ["cronium.example.com", "plane.example.net:8443"] };
const lab: OutboundRules = {
  ...strict,
  networks: ["10.1.0.0/16", "127.0.0.1", "fd00::/8"].flatMap((range) => parseRange(range) ?? []),
};

function verdict(text: string, rules = strict): string {
  const found = checkUrl(text, rules);
  return found.ok ? `ok ${found.url.href}` : found.fault;
}

const refused: readonly (readonly [string, string])[] = [
  // Schemes
  ["javascript:alert(1)", "scheme"],
  ["file:///etc/passwd", "scheme"],
  ["http://example.com/", "scheme"],
  ["ftp://example.com/", "scheme"],
  ["gopher://example.com:6379/_INFO", "scheme"],
  ["data:text/html,x", "scheme"],
  ["ws://example.com/", "scheme"],
  ["//example.com/", "scheme"],
  ["example.com", "scheme"],
  ["", "malformed"],
  ["https:example.com", "malformed"],
  ["https:/example.com", "malformed"],
  ["https:///example.com", "malformed"],
  ["https://", "malformed"],
  ["https://:443/", "malformed"],
  // Users, and what some parsers take for them
  ["https://user:pass@example.com/", "user"],
  ["https://example.com@127.0.0.1/", "user"],
  ["https://@example.com/", "user"],
  ["https://example.com%40127.0.0.1/", "malformed"],
  ["https://127.0.0.1\\@example.com/", "malformed"],
  ["https://example.com\\.evil.example/", "malformed"],
  // Characters that parsers drop, turn or split at
  [" https://example.com/", "malformed"],
  ["https://example.com/a b", "malformed"],
  ["https://exam\tple.com/", "malformed"],
  ["https://example.com/\r\nHost: 127.0.0.1", "malformed"],
  ["https://example.com/\u0000", "malformed"],
  ["https://127。0。0。1/", "malformed"],
  ["https://１２７.0.0.1/", "malformed"],
  ["https://аpple.com/", "malformed"],
  ["https://ⓔxample.com/", "malformed"],
  ["https://%31%32%37.0.0.1/", "host"],
  ["https://example%2ecom/", "host"],
  // Ports
  ["https://example.com:0/", "port"],
  ["https://example.com:22/", "port"],
  ["https://example.com:25/", "port"],
  ["https://example.com:80/", "port"],
  ["https://example.com:1023/", "port"],
  ["https://example.com:65536/", "malformed"],
  ["https://example.com:999999/", "malformed"],
  ["https://example.com:44x/", "malformed"],
  ["https://example.com:-1/", "malformed"],
  // Names
  ["https://localhost/", "host"],
  ["https://LOCALHOST/", "host"],
  ["https://intranet/", "host"],
  ["https://db.local/", "host"],
  ["https://metadata.google.internal/", "host"],
  ["https://a.localhost/", "host"],
  ["https://printer.home.arpa/", "host"],
  ["https://x.test/", "host"],
  ["https://abc.onion/", "host"],
  ["https://example.com./", "host"],
  ["https://127.0.0.1./", "host"],
  ["https://.example.com/", "host"],
  ["https://a..example.com/", "host"],
  ["https://-a.example.com/", "host"],
  ["https://a_b.example.com/", "host"],
  [`https://${"a".repeat(64)}.example.com/`, "host"],
  [`https://${"a.".repeat(130)}com/`, "host"],
  // Numbers that some parsers take for addresses
  ["https://0x7f.1/", "host"],
  ["https://127.1/", "host"],
  ["https://2130706433/", "host"],
  ["https://0177.0.0.1/", "host"],
  ["https://0x7f000001/", "host"],
  ["https://127.0.0.01/", "host"],
  ["https://127.0.0.256/", "malformed"],
  ["https://1.2.3.4.5/", "malformed"],
  ["https://0/", "host"],
  // Addresses
  ["https://127.0.0.1/", "address"],
  ["https://127.255.255.254:8443/", "address"],
  ["https://0.0.0.0/", "address"],
  ["https://10.0.0.1/", "address"],
  ["https://172.16.0.1/", "address"],
  ["https://172.31.255.255/", "address"],
  ["https://192.168.1.1/", "address"],
  ["https://169.254.169.254/latest/meta-data/", "address"],
  ["https://100.64.0.1/", "address"],
  ["https://198.18.0.1/", "address"],
  ["https://198.19.255.255/", "address"],
  ["https://192.0.0.8/", "address"],
  ["https://192.0.2.1/", "address"],
  ["https://224.0.0.1/", "address"],
  ["https://255.255.255.255/", "address"],
  ["https://[::]/", "address"],
  ["https://[::1]/", "address"],
  ["https://[::ffff:127.0.0.1]/", "address"],
  ["https://[::ffff:7f00:1]/", "address"],
  ["https://[::ffff:8.8.8.8]/", "address"],
  ["https://[::127.0.0.1]/", "address"],
  ["https://[64:ff9b::7f00:1]/", "address"],
  ["https://[64:ff9b::8.8.8.8]/", "address"],
  ["https://[2002:7f00:1::]/", "address"],
  ["https://[2001:0:53aa:64c::1]/", "address"],
  ["https://[2001:db8::1]/", "address"],
  ["https://[3fff::1]/", "address"],
  ["https://[fc00::1]/", "address"],
  ["https://[fd12:3456::1]/", "address"],
  ["https://[fe80::1]/", "address"],
  ["https://[ff02::1]/", "address"],
  ["https://[4000::1]/", "address"],
  ["https://[fe80::1%25eth0]/", "malformed"],
  ["https://[::1/", "malformed"],
  ["https://[v1.x]/", "malformed"],
  ["https://[127.0.0.1]/", "malformed"],
  // This installation
  ["https://cronium.example.com/api/v1/me", "own_host"],
  ["https://CRONIUM.example.com:9443/", "own_host"],
  ["https://plane.example.net:8443/", "own_host"],
  // Size
  [`https://example.com/${"a".repeat(65_536)}`, "too_long"],
];

test.for(refused.map(([text, fault]) => [echo(text), fault, text] as const))(
  "B23 %s is refused: %s",
  ([, fault, text], { expect }) => {
    expect(verdict(text)).toBe(fault);
  },
);

test("B23 plain addresses of the public internet are accepted, and sent as they were checked", ({ expect }) => {
  for (const text of [
    "https://example.com/",
    "https://example.com:8443/hook?x=1#y",
    "https://hooks.example.co.uk/a/b%20c",
    "https://xn--bcher-kva.example.com/",
    "https://8.8.8.8/",
    "https://198.20.0.1/",
    "https://[2606:4700:4700::1111]/",
    "https://plane.example.net/",
    `https://example.com/${"a".repeat(2_028)}`,
  ]) {
    expect(verdict(text)).toBe(`ok ${text}`);
  }
  expect(verdict("https://Example.COM:443")).toBe("ok https://example.com/");
});

test("networks of the operator's own may be called, by http and by local names as well, and no others", ({
  expect,
}) => {
  const inLab = (text: string): string => verdict(text, lab).replace(/^ok .*/, "ok");
  for (const text of [
    "http://10.1.2.3:8080/",
    "https://127.0.0.1:9443/",
    "https://[fd00::5]/",
    "http://keycloak:8080/",
  ]) {
    expect(inLab(text), text).toBe("ok");
  }
  expect(inLab("http://10.2.0.1/")).toBe("address");
  expect(inLab("https://169.254.169.254/")).toBe("address");
  expect(inLab("http://8.8.8.8/")).toBe("address");
  expect(inLab("http://10.1.2.3:22/")).toBe("port");
  const named = checkUrl("http://keycloak:8080/", lab);
  expect(named.ok && named.privateOnly).toBe(true);
  const publicName = checkUrl("https://example.com/", lab);
  expect(publicName.ok && publicName.privateOnly).toBe(false);
});

test("every special block of IANA's registries is closed from its first address to its last", ({ expect }) => {
  for (const { block, example, use } of specialBlocks) {
    const [range, ip] = [parseRange(block), parseIp(example)];
    if (range === null || ip === null) {
      throw new Error(`${block} or ${example} cannot be read.`);
    }
    expect([isWithin(ip, range), specialUse(ip)], block).toEqual([true, use]);
    for (const value of [range.first, range.last]) {
      expect(specialUse({ ...range, value }), block).not.toBeNull();
    }
  }
  for (const ip of [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "172.32.0.0",
    "223.255.255.255",
    "2606:4700::1",
    "2a00::1",
    "2001:200::1",
  ]) {
    expect(specialUse(parseIp(ip) ?? { version: 4, value: 0n }), ip).toBeNull();
  }
});

test("B23 a URL that may not be saved is named with its place and the reason", ({ expect }) => {
  expect(requireUrl("https://example.com/", strict, "/url").href).toBe("https://example.com/");
  try {
    requireUrl("https://169.254.169.254/", strict, "/url");
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect((error as AppError).errors).toEqual([
      {
        pointer: "/url",
        code: "url_not_allowed",
        message: "leads to 169.254.169.254 (link-local, metadata of clouds), which is not on the public internet",
      },
    ]);
  }
});
