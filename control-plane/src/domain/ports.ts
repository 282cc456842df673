/** Effects that rules and use cases are handed instead of reaching for them. */

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
}

export interface Ids {
  /** Fresh random bytes, for ids and tokens. */
  random(bytes: number): Uint8Array;
}

/** One structured line per operation; values are redacted here, never at the call. */
export interface Log {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  child(fields: LogFields): Log;
}
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** Blobs under plain keys (`logs/<workspace>/<run>`): R2 hosted, a folder embedded; one contract test for both. */
export interface BlobStore {
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** Null when there is none. */
  get(key: string): Promise<Uint8Array | null>;
  delete(key: string): Promise<void>;
}
