/** Asking an identity provider, as `auth` needs it and `outbound` does it. */

/** The provider refused, does not answer, or said something that cannot be trusted. For the log alone. */
export class ProviderError extends Error {}

export interface ProviderRequest {
  /** Default GET. */
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  /** A form. */
  readonly body?: URLSearchParams;
}

/** JSON of an answer with a status of success. Rejects with `ProviderError`. */
export type AskProvider = (url: string, request?: ProviderRequest) => Promise<unknown>;
