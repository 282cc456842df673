import { test } from "vitest";
import { parseRange } from "../domain/ip-address.ts";
import { guardedFetch, type OutboundDeps, type OutboundRequest, type OutboundResult } from "./guarded-fetch.ts";

interface Stranger {
  readonly addresses?: Readonly<Record<string, readonly string[]>>;
  readonly answer?: (request: Request, nth: number) => Response | Promise<Response>;
  readonly networks?: readonly string[];
}

/** What came of it, and what was sent. */
async function call(
  request: OutboundRequest,
  { addresses = {}, answer, networks = [] }: Stranger = {},
): Promise<{ readonly result: OutboundResult; readonly sent: readonly Request[] }> {
  const sent: Request[] = [];
  const deps: OutboundDeps = {
    rules: { networks: networks.flatMap((range) => parseRange(range) ?? []), ownHosts: [] },
    resolve: (host) => Promise.resolve(addresses[host] ?? ["93.184.216.34", "2606:2800:220:1::1"]),
    fetch: async (outgoing) => {
      sent.push(outgoing);
      return (await answer?.(outgoing, sent.length)) ?? new Response("hello");
    },
  };
  return { result: await guardedFetch(deps, request), sent };
}

const reasonOf = (result: OutboundResult): string => (result.ok ? `ok ${result.status}` : result.reason);
const redirect = (location: string, status = 302): Response => new Response(null, { status, headers: { location } });

test("a plain call is sent as it was checked, and answered in full", async ({ expect }) => {
  const { result, sent } = await call({
    url: "https://Example.com:443/a?b=1",
    method: "POST",
    body: "x",
    headers: { "content-type": "text/plain", Host: "127.0.0.1", "content-length": "999" },
  });
  expect(result.ok && [result.status, new TextDecoder().decode(result.body)]).toEqual([200, "hello"]);
  expect(sent.map(({ url, method, redirect: mode }) => [url, method, mode])).toEqual([
    ["https://example.com/a?b=1", "POST", "manual"],
  ]);
  expect([sent[0]?.headers.get("host"), sent[0]?.headers.get("content-length")]).toEqual([null, null]);
});

test("B24 a name is refused when any of its addresses is not public, before anything is sent", async ({ expect }) => {
  for (const addresses of [
    ["127.0.0.1"],
    ["93.184.216.34", "10.0.0.1"],
    ["2606:2800:220:1::1", "::1"],
    ["::ffff:169.254.169.254"],
    ["64:ff9b::a00:1"],
    ["not an address"],
  ]) {
    const { result, sent } = await call(
      { url: "https://rebound.example.com/" },
      { addresses: { "rebound.example.com": addresses } },
    );
    expect([reasonOf(result), sent.length], addresses.join()).toEqual(["blocked_address", 0]);
  }
  const gone = await call({ url: "https://gone.example.com/" }, { addresses: { "gone.example.com": [] } });
  expect(reasonOf(gone.result)).toBe("unknown_host");
});

test("B24 a name that moves inward between two calls is refused at the second", async ({ expect }) => {
  const answers = [["93.184.216.34"], ["192.168.1.1"]];
  const deps: OutboundDeps = {
    rules: { networks: [], ownHosts: [] },
    resolve: () => Promise.resolve(answers.shift() ?? []),
    fetch: () => Promise.resolve(new Response("hello")),
  };
  const url = "https://rebinds.example.com/";
  expect(reasonOf(await guardedFetch(deps, { url }))).toBe("ok 200");
  expect(reasonOf(await guardedFetch(deps, { url }))).toBe("blocked_address");
});

test("B24 a redirect is a failure unless it is asked for, and then its target is checked as well", async ({
  expect,
}) => {
  for (const status of [301, 302, 303, 307, 308]) {
    const { result, sent } = await call(
      { url: "https://example.com/" },
      { answer: () => redirect("https://b.example.com/", status) },
    );
    expect([reasonOf(result), sent.length], String(status)).toEqual(["redirected", 1]);
  }
  const targets: readonly (readonly [string, string])[] = [
    ["https://169.254.169.254/latest", "blocked_address"],
    ["http://example.com/", "url_not_allowed"],
    ["//127.0.0.1/", "blocked_address"],
    ["https://0x7f.1/", "url_not_allowed"],
    ["https://inward.example.com/", "blocked_address"],
    ["https://user@example.com/", "url_not_allowed"],
    ["file:///etc/passwd", "url_not_allowed"],
  ];
  for (const [target, reason] of targets) {
    const { result, sent } = await call(
      { url: "https://example.com/", maxRedirects: 3 },
      {
        answer: (_request, nth) => (nth === 1 ? redirect(target) : new Response("leaked")),
        addresses: { "inward.example.com": ["10.0.0.1"] },
      },
    );
    expect([reasonOf(result), sent.length], target).toEqual([reason, 1]);
  }
});

test("redirects that are asked for are followed so many times, without what was meant for the first host", async ({
  expect,
}) => {
  const url = "https://a.example.com/x";
  const headers = { authorization: "Bearer secret", cookie: "a=1", accept: "application/json" };
  const there = await call(
    { url, headers, maxRedirects: 2 },
    {
      answer: (_request, nth) =>
        [redirect("/y"), redirect("https://b.example.com/z"), new Response("there")][nth - 1] ?? new Response(),
    },
  );
  expect(reasonOf(there.result)).toBe("ok 200");
  expect(
    there.sent.map((request) => [request.url, request.headers.get("authorization"), request.headers.get("accept")]),
  ).toEqual([
    ["https://a.example.com/x", "Bearer secret", "application/json"],
    ["https://a.example.com/y", "Bearer secret", "application/json"],
    ["https://b.example.com/z", null, "application/json"],
  ]);
  expect(there.sent[2]?.headers.get("cookie")).toBeNull();
  const round = await call({ url, maxRedirects: 2 }, { answer: () => redirect("/again") });
  expect([reasonOf(round.result), round.sent.length]).toEqual(["redirected", 3]);
  const posted = await call({ url, method: "POST", maxRedirects: 2 }, { answer: () => redirect("/y", 307) });
  expect([reasonOf(posted.result), posted.sent.length]).toEqual(["redirected", 1]);
});

test("an answer that is too long, too late or none ends the call with a reason and nothing of the inside", async ({
  expect,
}) => {
  const url = "https://example.com/";
  const long = await call({ url, maxBytes: 10 }, { answer: () => new Response("eleven chars") });
  expect(reasonOf(long.result)).toBe("too_large");
  const late = await call(
    { url, timeoutMs: 20 },
    {
      answer: ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error));
        }),
    },
  );
  expect(reasonOf(late.result)).toBe("timed_out");
  const none = await call({ url }, { answer: () => Promise.reject(new Error("connect ECONNREFUSED 10.0.0.1:443")) });
  expect(reasonOf(none.result)).toBe("unreachable");
  expect(JSON.stringify(none.result)).not.toContain("10.0.0.1");
});

test("the operator's own networks are reached by http and by name, and names there lead nowhere else", async ({
  expect,
}) => {
  const networks = ["10.1.0.0/16"];
  const inside = await call({ url: "http://keycloak:8080/" }, { networks, addresses: { keycloak: ["10.1.0.5"] } });
  expect(reasonOf(inside.result)).toBe("ok 200");
  const other = await call({ url: "http://keycloak:8080/" }, { networks, addresses: { keycloak: ["10.2.0.5"] } });
  expect(reasonOf(other.result)).toBe("blocked_address");
  const outside = await call({ url: "http://example.com/" }, { networks });
  expect([reasonOf(outside.result), outside.sent.length]).toEqual(["blocked_address", 0]);
});
