/** What signing in costs, whoever tries: an attacker with a clock must not learn who has an account. */
import type { scrypt as realScrypt } from "node:crypto";
import { beforeAll, test, vi } from "vitest";
import { signInByPassword } from "../../src/services/sign-in.ts";
import { addWorkspace, claim, deps, ORIGIN, password, setUp, testEnv } from "./installation.ts";

const work = vi.hoisted(() => ({ scrypts: [] as unknown[] }));
vi.mock("node:crypto", async (importOriginal) => {
  const real = await importOriginal<{ readonly scrypt: typeof realScrypt }>();
  const scrypt = (...call: Parameters<typeof realScrypt>): void => {
    // Cost and length of the result are the work; salt and password are not.
    work.scrypts.push([call[2], call[3]]);
    real.scrypt(...call);
  };
  return { ...real, default: { ...real, scrypt }, scrypt };
});

beforeAll(async () => {
  await setUp();
  const { claimToken } = await addWorkspace();
  await claim(claimToken, "has-a-password@example.org");
  await claim((await addWorkspace()).claimToken, "has-none@example.org");
  await testEnv.DB.prepare(
    `DELETE FROM account WHERE provider_id = 'credential'
     AND user_id = (SELECT id FROM user WHERE email = 'has-none@example.org')`,
  ).run();
});

/** The look-ups in the database and the scrypts of one attempt. */
async function workOf(email: string, tried: string): Promise<readonly [unknown, unknown]> {
  const queries: string[] = [];
  const d1 = new Proxy(deps.d1, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (name !== "prepare") {
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      }
      return (sql: string) => {
        queries.push(sql);
        return target.prepare(sql);
      };
    },
  });
  work.scrypts.length = 0;
  const visitor = { origin: ORIGIN, headers: new Headers(), ip: null };
  const refused = await signInByPassword({ ...deps, d1 }, visitor, { email, password: tried }).then(
    () => false,
    () => true,
  );
  if (!refused) {
    throw new Error(`${email} got in with a wrong password`);
  }
  return [queries, [...work.scrypts]];
}

test("B41 a wrong password, an unknown address and an account without a password are the same work", async ({
  expect,
}) => {
  // The first attempt of an isolate makes the hash that stands in for those who have none, whoever tries.
  const first = await workOf("nobody@example.org", "wrong password");
  expect((first[1] as unknown[]).length).toBe(2);
  const known = await workOf("has-a-password@example.org", "wrong password");
  expect(known[1]).toEqual([[64, { N: 16_384, r: 16, p: 1, maxmem: 67_108_864 }]]);
  expect((known[0] as unknown[]).length).toBe(1);
  for (const email of ["nobody@example.org", "has-none@example.org", "Has-A-Password@Example.org", "'; --"]) {
    expect(await workOf(email, "wrong password"), email).toEqual(known);
  }
  expect(await workOf("has-a-password@example.org", `${password} `)).toEqual(known);
});
