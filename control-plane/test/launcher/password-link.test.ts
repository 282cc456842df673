/** Who holds the machine gets in, whatever was forgotten. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, test } from "vitest";
import { buildControlPlane, cli, ROOT, Workbench } from "./plane.ts";

const bench = new Workbench();

beforeAll(() => buildControlPlane());
afterAll(() => bench.cleanUp());

test("the owner who forgot the password gets a link from the machine, and needs it to run", async ({ expect }) => {
  const data = bench.folder();
  const { url, claimUrl } = await bench.launch(data).ready;
  const post = (path: string, body: object): Promise<Response> =>
    fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const owner = { name: "Ada", email: "ada@example.org", password: "analytical engine" };
  const claimed = await post("/api/v1/claim", { token: claimUrl?.split("#token=")[1], ...owner });
  expect(claimed.status).toBe(201);

  const main = join(ROOT, "control-plane/launcher/main.ts");
  const printed = spawnSync(process.execPath, [main, "password-link", "--data", data, owner.email], {
    encoding: "utf8",
  });
  expect([printed.status, printed.stdout.startsWith(`${url}/link#token=crnl_`)]).toEqual([0, true]);
  const token = printed.stdout.trim().split("#token=")[1];
  const password = "difference engine";
  expect((await post("/api/v1/account-links/reset-password", { token, password })).status).toBe(204);
  expect((await post("/api/auth/sign-in/email", { email: owner.email, password })).status).toBe(200);

  expect(cli("password-link", "--data", data, "nobody@example.org")).toMatchObject({ code: 1 });
  expect(cli("password-link", "--data", bench.folder(), owner.email).said).toContain("start it first");
});
