import { beforeAll, beforeEach, test } from "vitest";
import * as z from "zod";
import { errorCodes, errorStatus } from "@cronium/protocol/errors";
import { MAX_BODY_BYTES } from "@cronium/protocol/limits";
import { makeDeps } from "../../src/deps.ts";
import { createApp, listRules } from "../../src/http/app.ts";
import { addWorkspace, claim, cookieOf, deps, ORIGIN, refusalOf, send, setUp, testEnv } from "./installation.ts";

const Problem = z.strictObject({
  type: z.string().regex(/^urn:cronium:error:[a-z_]+$/),
  title: z.string().min(3),
  status: z.int(),
  code: z.enum(errorCodes),
  detail: z.string().min(10),
  hint: z.string().min(3),
  errors: z.array(z.strictObject({ pointer: z.string(), code: z.enum(errorCodes), message: z.string() })),
  request_id: z.string().regex(/^req_/),
});

interface Route {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly isOpen: boolean;
  readonly forPeople: boolean;
}

// A file whose name has a version is asked for by its own test, which knows the version.
const named = [...listRules(createApp(deps))].filter(([name]) => !name.includes("{"));
const routes: readonly Route[] = named.map(([name, rule]) => {
  const [method = "", path = ""] = name.split(" ");
  return {
    name,
    method,
    path: path.replaceAll(/:\w+/g, "run_01m7xqece7rd9cwj5ny98npjgv"),
    isOpen: rule?.kind === "open",
    forPeople: rule?.kind === "requires" && rule.who === "people",
  };
});
// What ends the session comes last.
const inOrder = routes.toSorted((a, b) => Number(a.path.endsWith("/sign-out")) - Number(b.path.endsWith("/sign-out")));
/** These take bytes as they are, within limits that the tests of artifacts and webhooks hold. */
const RAW = ["/api/v1/runner/artifacts", "/hooks/run_01m7xqece7rd9cwj5ny98npjgv"];
const withBodies = inOrder.filter(({ method, path }) => method !== "GET" && method !== "DELETE" && !RAW.includes(path));

let key: string;
let cookie: string;
beforeAll(async () => {
  await setUp();
});
let made = 0;
beforeEach(async () => {
  const workspace = await addWorkspace();
  key = await workspace.keyFor("owner");
  made += 1;
  cookie = cookieOf(await claim(workspace.claimToken, `edges-${made}@example.org`));
});

/** What is wrong with the headers of an answer, or null. */
function headerFault({ headers, status }: Response): string | null {
  if (status === 101) {
    return null;
  }
  const policy = headers.get("content-security-policy") ?? "none";
  const expected: [boolean, string][] = [
    [policy.startsWith("default-src 'none'") && policy.includes("frame-ancestors 'none'"), `policy ${policy}`],
    [!/unsafe|\*|https?:/.test(policy), `policy ${policy}`],
    [headers.get("x-content-type-options") === "nosniff", "sniffing"],
    [headers.get("referrer-policy") === "no-referrer", "referrer"],
    [headers.get("cross-origin-resource-policy") === "same-origin", "resource policy"],
    [headers.get("cross-origin-opener-policy") === "same-origin", "opener policy"],
    [headers.get("x-request-id") !== null, "no request id"],
    [![...headers.keys()].some((name) => name.startsWith("access-control-")), "lets another origin in"],
    [headers.get("server") === null && headers.get("x-powered-by") === null, "names its software"],
  ];
  return expected.find(([holds]) => !holds)?.[1] ?? null;
}

/** What is wrong with a refusal, or null. */
async function problemFault(response: Response, path: string): Promise<string | null> {
  if (response.status < 400) {
    await response.body?.cancel().catch(() => undefined);
    return null;
  }
  const text = await response.text();
  if (path.startsWith("/api/v1/device/") && response.status === 400 && "error" in (JSON.parse(text) as object)) {
    // RFC 8628 and RFC 7009 want the errors of RFC 6749.
    return null;
  }
  if (response.headers.get("content-type") !== "application/problem+json") {
    return `${response.status} as ${response.headers.get("content-type")}`;
  }
  const problem = Problem.safeParse(JSON.parse(text));
  if (!problem.success) {
    return z.prettifyError(problem.error);
  }
  const { code, status, type, request_id: id } = problem.data;
  const agrees = status === response.status && errorStatus[code] === status && type.endsWith(`:${code}`);
  return agrees && id === response.headers.get("x-request-id") ? null : `does not agree with itself: ${text}`;
}

const ways: readonly [string, () => Parameters<typeof send>[2]][] = [
  ["nobody", () => ({})],
  ["a wrong key", () => ({ key: "crnk_wrong" })],
  ["a page elsewhere", () => ({ cookie, headers: { origin: "https://evil.example" } })],
  ["an owner's key", () => ({ key })],
  ["an owner", () => ({ cookie, headers: { origin: ORIGIN } })],
];

test.for(ways)(
  "T15 every route guards its answers, and refuses by RFC 9457, when %s calls",
  async ([, sending], { expect }) => {
    for (const { name, method, path } of inOrder) {
      const response = await send(method, path, sending());
      expect(response.status, name).toBeLessThan(500);
      expect(headerFault(response), name).toBeNull();
      expect(await problemFault(response, path), name).toBeNull();
    }
  },
);

test("B50 a method that a route does not have is 405 with those that it has, and a preflight lets nobody in", async ({
  expect,
}) => {
  for (const path of new Set(routes.map((route) => route.path))) {
    const possible = routes.filter((route) => route.path === path).map(({ method }) => method);
    for (const method of ["OPTIONS", ...["GET", "PUT", "PATCH", "DELETE"].filter((one) => !possible.includes(one))]) {
      const response = await send(method, path, {
        headers: { origin: "https://evil.example", "access-control-request-method": "POST" },
      });
      // A fixed address such as /runs/{id} may also be matched by another route with that method.
      if (response.status !== 401) {
        expect(response.status, `${method} ${path}`).toBe(405);
        expect((response.headers.get("allow") ?? "").split(", "), path).toEqual(expect.arrayContaining(possible));
      }
      expect(headerFault(response), path).toBeNull();
      expect(await problemFault(response, path), path).toBeNull();
    }
  }
});

test("B1, B3 every route that reads a body refuses one that is too large, too deep, or of another kind", async ({
  expect,
}) => {
  const deep = `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
  const large = new Uint8Array(MAX_BODY_BYTES + 1).fill(0x20);
  for (const { name, method, path, forPeople } of withBodies) {
    const who = forPeople ? { cookie } : { key };
    const headers = { origin: ORIGIN };
    const refused = async (body: unknown, more: Record<string, string> = {}): Promise<string> =>
      refusalOf(await send(method, path, { ...who, body, headers: { ...headers, ...more } }));
    expect(await refused(deep), name).toBe("400 too_deep");
    expect(await refused(large), name).toBe("413 body_too_large");
    expect(await refused("{}", { "content-type": "text/plain" }), name).toBe("415 unsupported_media_type");
    expect(await refused("{}", { "content-encoding": "gzip" }), name).toBe("415 unsupported_media_type");
    expect(await refused("{"), name).toBe("400 invalid_json");
    expect(await refused('{"__proto__":{}}'), name).toBe("422 forbidden_key");
  }
  expect(withBodies.length).toBeGreaterThan(40);
});

test("B50 no way of writing an address gets around a route's rule", async ({ expect }) => {
  for (const { name, method, path } of routes.filter(({ isOpen }) => !isOpen)) {
    const tail = path.slice("/api/v1".length);
    const written = [
      `${path}/`,
      `/${path}`,
      path.replace("/api/v1/", "/api//v1/"),
      path.replace("/api/v1/", "/api%2fv1%2f"),
      path.replace("/api/", "/%61pi/"),
      path.replace("/api/v1", "/api/v1/."),
      `/health/..${path}`,
      `/health/%2e%2e${path}`,
      `/api/v1/openapi.json/..${tail}`,
      `/api/v1/openapi.json/%2e%2e${tail}`,
      `${path}%00`,
      `${path};x=1`,
      path.toUpperCase(),
      path.replace("/api/v1/", "/api/v1/openapi.json%2f..%2f"),
    ];
    for (const address of written) {
      const response = await send(method, address);
      const isPage = response.headers.get("content-type")?.startsWith("text/html") === true;
      expect([isPage, response.status >= 400 && response.status < 500], `${name} as ${address}`).toContain(true);
      expect(headerFault(response), address).toBeNull();
      await response.body?.cancel();
    }
  }
});

test("a Host header with a dot at its end, a port or another name changes neither routes nor rules", async ({
  expect,
}) => {
  for (const origin of ["http://plane.test.", "http://plane.test:8080", "http://evil.example", "http://[::1]"]) {
    expect(await refusalOf(await send("GET", "/api/v1/me", { origin })), origin).toBe("401 unauthorized");
    const foreign = await send("POST", "/api/v1/registration-tokens", { cookie, origin, headers: { origin: ORIGIN } });
    expect(foreign.status, origin).toBeGreaterThanOrEqual(401);
    expect(foreign.status, origin).toBeLessThanOrEqual(403);
  }
});

test("security.txt names whom to tell, until when that is true, and where it stands", async ({ expect }) => {
  expect(await refusalOf(await send("GET", "/.well-known/security.txt"))).toBe("404 not_found");
  expect(await refusalOf(await send("GET", "/.well-known/anything"))).toBe("404 not_found");
  const contacts = "mailto:security@example.org, https://example.org/security";
  const app = createApp(
    makeDeps({ ...testEnv, SECURITY_CONTACT: contacts, PUBLIC_URL: "https://cronium.example.org/" }),
  );
  const response = await app.fetch(new Request(`${ORIGIN}/.well-known/security.txt`), testEnv);
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/plain; charset=UTF-8"]);
  const lines = (await response.text()).trimEnd().split("\n");
  expect(lines).toEqual([
    "Contact: mailto:security@example.org",
    "Contact: https://example.org/security",
    expect.stringMatching(/^Expires: \d{4}-\d\d-\d\dT00:00:00\.000Z$/),
    "Canonical: https://cronium.example.org/.well-known/security.txt",
  ]);
  const days = (Date.parse(lines[2]?.slice("Expires: ".length) ?? "") - Date.now()) / 86_400_000;
  expect(days).toBeGreaterThan(30);
  expect(days).toBeLessThan(365);
  for (const wrong of ["security@example.org", "http://example.org", "javascript:alert(1)"]) {
    expect(() => makeDeps({ ...testEnv, SECURITY_CONTACT: wrong }), wrong).toThrow(/SECURITY_CONTACT/);
  }
});
