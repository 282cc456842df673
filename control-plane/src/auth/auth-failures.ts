/**
 * Refused proofs of who somebody is, counted since this isolate started: a scraper sees a rate, and a restart as the
 * usual reset of a counter. Fixed kinds, so that nobody can make the list grow.
 */
export const authFailureKinds = ["password", "second_factor", "passkey", "provider", "api_key", "link"] as const;
export type AuthFailureKind = (typeof authFailureKinds)[number];

export class AuthFailures {
  readonly #counts = new Map<AuthFailureKind, number>();

  count(kind: AuthFailureKind): void {
    this.#counts.set(kind, this.read(kind) + 1);
  }

  read(kind: AuthFailureKind): number {
    return this.#counts.get(kind) ?? 0;
  }
}
