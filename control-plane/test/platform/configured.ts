/** The Worker with other settings than those of the other tests. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { makeDeps, type Deps } from "../../src/deps.ts";
import { createApp } from "../../src/http/app.ts";
import { ORIGIN, testEnv, type Sending } from "./installation.ts";

export interface Configured {
  readonly deps: Deps;
  /** As `send` of the installation; resolves when the work after the answer is done too. */
  send(method: string, path: string, sending?: Sending): Promise<Response>;
}

export function configured(
  settings: Readonly<Record<string, string | undefined>>,
  change: Partial<Deps> = {},
): Configured {
  const deps = { ...makeDeps({ ...testEnv, ...settings }), ...change };
  const app = createApp(deps);
  return {
    deps,
    async send(method, path, { body, key, cookie, headers, origin = ORIGIN } = {}) {
      const context = createExecutionContext();
      const request = new Request(origin + path, {
        method,
        redirect: "manual",
        headers: {
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
          ...(cookie === undefined ? {} : { cookie }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const response = await app.fetch(request, testEnv, context);
      await waitOnExecutionContext(context);
      return response;
    },
  };
}
