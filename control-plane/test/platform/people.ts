/** People of an installation who ask through the real Worker. Claims are limited to 20 a minute for each test file. */
import type { Role } from "@cronium/protocol/roles";
import { addWorkspace, claim, cookieOf, ORIGIN, password, send, testEnv } from "./installation.ts";

let count = 0;
export const address = (): string => `person-${(count += 1)}@example.org`;

export interface Person {
  readonly email: string;
  readonly id: string;
  readonly cookie: string;
  ask(method: string, path: string, body?: unknown): Promise<Response>;
}

export function person(email: string, id: string, cookie: string): Person {
  const ask = (method: string, path: string, body?: unknown): Promise<Response> =>
    send(method, `/api/v1${path}`, { cookie, headers: { origin: ORIGIN }, ...(body === undefined ? {} : { body }) });
  return { email, id, cookie, ask };
}

export async function owner(): Promise<Person & { readonly workspaceId: string }> {
  const { claimToken, workspaceId } = await addWorkspace();
  const email = address();
  const response = await claim(claimToken, email);
  const { user } = await response.json<{ user: { id: string } }>();
  return { ...person(email, user.id, cookieOf(response)), workspaceId };
}

export async function linkFor(inviter: Person, email: string, role: Role): Promise<string> {
  const response = await inviter.ask("POST", "/invitations", { email, role });
  if (response.status !== 201) {
    throw new Error(await response.text());
  }
  const { link } = await response.json<{ link: string }>();
  return link.split("#token=")[1] ?? "";
}

export const accept = (token: string, more: object = {}): Promise<Response> =>
  send("POST", "/api/v1/invitations/accept", { body: { token, name: "Ben", password, ...more } });

export async function member(inviter: Person, role: Role): Promise<Person> {
  const email = address();
  const response = await accept(await linkFor(inviter, email, role));
  const { user } = await response.json<{ user: { id: string } }>();
  return person(email, user.id, cookieOf(response));
}

/** As if this person had signed in hours ago. */
export function age(someone: Person): Promise<unknown> {
  return testEnv.DB.prepare(
    "UPDATE session SET created_at = created_at - 7200000, proven_until = NULL WHERE user_id = ?",
  )
    .bind(someone.id)
    .run();
}
